// Package commands is the DK* command table: it parses what a client sent,
// asks the engine, and shapes the reply.
//
//	commands.Prefetch(engine, pipeline)
//	for _, args := range pipeline {
//		if c := commands.Lookup(args[0]); c != nil {
//			dst = c.Run(ctx, engine, args).AppendTo(dst)
//		}
//	}
//
// It does not read from or write to sockets, knows nothing of sessions, and
// keeps no state: everything here is safe for concurrent use.
//
// # One table
//
// A verb (INC, GET, ...) is one entry of the table in table.go. Each of the
// four families has every verb under its own prefix, except that the verbs
// that speak of instances do not exist for the plain families.
//
// # Promises
//
// Arity, syntax and key errors refuse the whole command: the engine has not
// been asked for anything then. Replies are the same bytes in RESP2 and RESP3.
// DK.INC and DK.GET of one key allocate nothing here.
//
// # Rules for a new verb
//
//  1. Add an entry to verbs in table.go: name, arity as Redis counts it (the
//     name included, negative for "at least"), flags, where its keys are,
//     summary, arguments and reply. COMMAND INFO, DOCS and GETKEYS follow
//     from it; nothing else needs to learn of the verb.
//  2. Write the handler, named after the verb (cmdInc for INC), in the file of
//     its group. Its args come without the name, their number already checked.
//  3. Parse everything before the first call of the engine.
//  4. Say whether the lax families answer it from memory (fromMemory): such a
//     verb may run while earlier commands of its pipeline wait for nothing.
//  5. The table's test fails until the verb has an arity case.
package commands
