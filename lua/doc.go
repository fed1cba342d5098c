// Package lua holds the scripts that change counters in Redis, the names of the
// keys they work on, and the one way to run them.
//
//	exec := lua.NewExecutor(client)
//	reply := exec.Run(ctx, []lua.Call{lua.PlainApply.Call(keys, args...)})
//
// Each script is a file with a header that says its purpose, KEYS, ARGV and
// what it returns; fragments that several scripts need are in include/ and are
// put where a script's "-- include: name" lines stand.
//
// The package knows nothing of counters in memory, retries or families.
package lua
