// Package keyspec tells which keys an ordinary command touches, from Redis' own
// table of its commands.
//
//	src := keyspec.New(ask)                     // ask sends COMMAND
//	answer, err := src.Touched(ctx, args, keys) // keys is reused
//	keys = answer.Keys
//
// What an answer leaves out is not touched. Where it cannot be told what a
// command touches the answer says so, and it is always safe to take it for more:
// a key may be named that the command does not touch after all, if its arguments
// can be read in two ways or are wrong.
//
// The package sends nothing itself, holds nothing, and knows nothing of the
// commands that are the proxy's own.
package keyspec
