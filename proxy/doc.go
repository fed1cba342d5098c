// Package proxy speaks Redis' protocol to clients. Commands of package commands
// are answered by the engine, everything else goes to the Redis behind,
// unchanged, and so do its replies.
//
//	srv, err := proxy.New(proxy.Options{Engine: eng, Redis: redisOptions})
//	…
//	go srv.Serve(listener) // as many listeners as needed
//	…
//	err = srv.Shutdown(ctx) // then close the engine
//
// It does not parse the values of replies, keeps no list of supported commands,
// never repeats a command that was sent, and checks no credentials: they go to
// Redis, which decides. A client counts as authenticated once Redis has said so.
//
// # Life of a connection
//
// listener accepts it, counts it against the limit and wraps it in a clientConn
// with a session. redcon hands it over at once, and a goroutine of the
// connection's own reads from the clientConn, whose framer cuts the bytes into
// commands and checks every limit on the way, and passes batches, all complete
// commands that were there, to the session. A big command that is only passed on
// goes through in pieces. The session's connection to Redis is opened at the
// first command that needs it and is the client's alone, so that all state that
// Redis keeps for a client is where it belongs.
//
// A client that speaks TLS is to its session one end of a pair of sockets.
//
// What a client sets its connection up with, HELLO, AUTH, SELECT and the like,
// is remembered, the last of each kind, and replayed to every new connection to
// Redis before anything else. So a connection may go and come without the client
// noticing, unless it had more than that: an open MULTI, a WATCH, a pump.
//
// A batch is cut into runs. A run ends before a command of ours that may wait
// for Redis by its meaning, such as DKS.INC, and at few others. What is Redis'
// of a run is sent in one write, then the run is answered command by command:
// Redis' replies are copied in pieces, found by a replyFramer that looks at
// nothing but lengths, and ours are made when it is their turn.
//
// Two kinds of batches, which are most, need no run: what is at the front of one
// and is answered from memory without waiting, and one that is nothing but
// ordinary commands of which nobody here has to know anything. Both are rows.
//
// While many clients send in turns, those whose replies have been small send
// such ordinary commands as leave nothing behind with a connection on lines, which
// are connections that sessions share: their commands go out together, and one
// goroutine reads the replies for all. Increments of lax keys that are rarely asked for
// go the same way, on a line with the proxy's own credentials.
//
// After SUBSCRIBE, MONITOR, CLIENT REPLY or CLIENT TRACKING replies are no longer
// one for one. From there on a pump copies from Redis to the client, and every
// command goes to Redis. What the proxy has to say or to know of a reply hangs on
// a mark that is sent before it or in its place: see errand.
//
// # Promises
//
// Replies come in the order of the commands, whoever answers them. A command
// takes effect after every earlier one of its connection whose effect it could
// see. Replies do not wait for a later command that blocks: output is written
// before anything is waited for.
//
// A command that was sent and whose reply does not come ends the client's
// connection, as a dying Redis would. Before that, Redis being away costs a
// client only an error for each command that needs it. Set-up that can be
// repeated is not lost with a connection, and what of it Redis need not decide
// is answered here while Redis is away: clients connect, and have our commands.
// A client whose set-up Redis refuses at the replay is closed: it would believe
// itself to be somebody, or somewhere, else.
//
// A protocol error is Redis' own, comes after the replies to the good commands
// before it, and ends the connection. No client's bytes make the process
// allocate more than about twice what has arrived, nor look at a byte twice.
// What clients make it hold is counted, and where all of it together passes a
// bound the client that holds most is closed: see budget.
//
// # Goroutines
//
//   - Serve's goroutine accepts, with pauses when that fails.
//   - One goroutine for each client: it owns session, framer and, until a pump
//     runs, the connection to Redis. A panic there ends that client.
//   - One for each line: it reads. Whoever finds nobody writing on a line writes, for
//     all who have something to send.
//   - One more for a pump: it owns reading from Redis and writing to the client.
//   - One for a write to Redis too big for the sockets to hold, so that replies
//     are read meanwhile. The session waits for it before the batch is over.
//   - One while Redis is asked whether it demands authentication.
//   - One while Redis is asked what a user may do: see package acl.
//   - Two for each client that speaks TLS, which carry between it and a pair of
//     sockets, and one for each listener that accepts such: see tlsListener.
//   - One that closes an evicted client, and one that has garbage collected.
//   - A timer while there are private connections, and one while clients are
//     blocked: see watch.
//
// Shutdown waits for all of them. Locks are held for moments only, never while
// writing to or reading from a socket, and never two of them but where Shutdown
// closes listeners.
package proxy
