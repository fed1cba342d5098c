package proxy

import (
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// Stats is what the proxy can say of itself and of its engine; counts are since
// its start.
type Stats struct {
	Engine engine.Stats
	// InstanceID, Namespace and Version say who this is.
	InstanceID, Namespace, Version string
	// Embedded is whether the Redis behind is the embedded one.
	Embedded bool
	// Uptime is the time since the proxy was made.
	Uptime time.Duration
	// Answered is the number of commands of ours and of ordinary ones that were
	// answered from memory, Counted of the latter, Forwarded of those sent to
	// Redis for clients, Refused of those on the deny list.
	Answered, Counted, Forwarded, Refused uint64
	// Clients is the number of clients connected now, MaxClients the bound on it.
	Clients, MaxClients int
	// ClientsTotal is the number of clients ever let in, ClientsRefused of
	// those beyond the bound.
	ClientsTotal, ClientsRefused uint64
	// ClientsEvicted is the number of clients closed because they held most of
	// too much memory, ClientsMemory what all hold now, in bytes.
	ClientsEvicted uint64
	ClientsMemory  int64
	// PrivateConnections is the number of clients' own connections to Redis
	// now, PrivateConnectionsOpened of those ever opened.
	PrivateConnections       int
	PrivateConnectionsOpened uint64
	// SharedConnections and SharedConnectionsOpened are the same of connections that
	// clients share.
	SharedConnections       int
	SharedConnectionsOpened uint64
	// ProtocolErrors is the number of clients that did not speak the protocol,
	// Panics of sessions that ended by a fault of ours.
	ProtocolErrors, Panics uint64
}

// Saving is how many commands of ours one command to Redis has paid for.
func (st *Stats) Saving() float64 {
	return float64(st.Answered) / float64(max(st.Engine.RedisCommands, 1))
}

// Stats returns a snapshot. It waits for no lock and asks no Redis.
func (srv *Server) Stats() Stats {
	m := &srv.metrics
	return Stats{
		Engine:     srv.opts.Engine.Stats(),
		InstanceID: srv.opts.Engine.InstanceID(),
		Namespace:  srv.opts.Namespace,
		Version:    srv.opts.Version,
		Embedded:   srv.opts.Embedded,
		Uptime:     time.Since(srv.started),

		Answered:  m.ours.Load() + m.counted.Load(),
		Counted:   m.counted.Load(),
		Forwarded: m.forwarded.Load(),
		Refused:   m.refused.Load(),

		Clients:        int(m.clients.Load()),
		MaxClients:     srv.opts.MaxClients,
		ClientsTotal:   m.clientsTotal.Load(),
		ClientsRefused: m.clientsRefused.Load(),
		ClientsEvicted: m.clientsEvicted.Load(),
		ClientsMemory:  srv.budget.used.Load(),

		PrivateConnections:       int(m.upstreams.Load()),
		PrivateConnectionsOpened: m.upstreamsOpened.Load(),
		SharedConnections:        int(m.lines.Load()),
		SharedConnectionsOpened:  m.linesOpened.Load(),

		ProtocolErrors: m.protocolErrors.Load(),
		Panics:         m.panics.Load(),
	}
}
