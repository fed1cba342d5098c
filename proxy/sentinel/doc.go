// Package sentinel dials the master that Redis Sentinels name.
//
//	m := sentinel.New(sentinel.Options{Addrs: addrs, Master: "mymaster"})
//	defer m.Close()
//	opts.Dialer = m.Dial // of redis.Options
//
// # Which connection leads where
//
// Every new connection goes to the server that the Sentinels name at that time,
// give or take cacheFor, and only if that server says itself that it is a master.
// When the master has moved, all connections to the former one are closed: it may
// still take writes that nobody will have in the end.
//
// An answer with an older configuration than one heard before comes from a
// Sentinel that was cut off, and is not taken.
//
// # What it does not do
//
// It does not look for Sentinels other than those it was given, does not read
// from replicas, and repeats nothing that was sent over a connection.
package sentinel
