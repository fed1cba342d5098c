package proxy

import "sync/atomic"

// metrics are the proxy's own counters. Safe for concurrent use.
type metrics struct {
	ours            atomic.Uint64 // commands of ours answered
	counted         atomic.Uint64 // commands on ordinary keys, answered from memory
	forwarded       atomic.Uint64 // commands sent to Redis for clients
	refused         atomic.Uint64 // commands of the deny list
	clients         atomic.Int64  // connected now
	clientsTotal    atomic.Uint64
	clientsRefused  atomic.Uint64 // beyond the limit
	clientsEvicted  atomic.Uint64 // held most when all held too much
	tlsSockets      atomic.Int64  // open now for clients with TLS, beside one for each client
	upstreams       atomic.Int64  // private connections open now
	upstreamsOpened atomic.Uint64
	lines           atomic.Int64 // shared connections open now
	linesOpened     atomic.Uint64
	protocolErrors  atomic.Uint64
	panics          atomic.Uint64
}
