package proxy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// infoSection is the name of our section of INFO.
const infoSection = "distkit"

// editInfo is for INFO: Redis' own text with our section behind it, or our
// section alone, which needs no Redis.
func (srv *Server) editInfo(args [][]byte, raw []byte, resp3 bool) edit {
	var others [][]byte
	named, all := false, len(args) == 1
	for _, arg := range args[1:] {
		switch name := lower(string(arg)); name {
		case infoSection:
			named = true
			continue
		case "all", "everything", "default":
			all = true
		}
		others = append(others, arg)
	}
	switch {
	case named && len(others) == 0:
		return edit{raw: raw, own: func() []byte { return verbatim([]byte(srv.section()), resp3) }}
	case named:
		raw = appendCommand(nil, append(args[:1:1], others...)...)
	}
	return edit{raw: raw, change: func(reply []byte) []byte { return srv.addSection(reply, named || all) }}
}

// addSection appends our section to Redis' text, if wanted.
func (srv *Server) addSection(reply []byte, wanted bool) []byte {
	body, found := bulkBody(reply)
	srv.seen.fromInfo(body)
	if !wanted || !found {
		return reply
	}
	text := bytes.Clone(body)
	if len(text) > len("txt:") {
		text = append(text, '\r', '\n')
	}
	text = append(text, srv.section()...)
	return append(append(appendHeader(nil, reply[0], len(text)), text...), '\r', '\n')
}

// verbatim is a text reply.
func verbatim(text []byte, resp3 bool) []byte {
	if !resp3 {
		return append(append(appendHeader(nil, '$', len(text)), text...), '\r', '\n')
	}
	out := appendHeader(nil, '=', len("txt:")+len(text))
	return append(append(append(out, "txt:"...), text...), '\r', '\n')
}

// bulkBody is the payload of a bulk or verbatim string, complete with the
// verbatim's "txt:"; false for any other reply.
func bulkBody(reply []byte) ([]byte, bool) {
	if len(reply) == 0 || reply[0] != '$' && reply[0] != '=' {
		return nil, false
	}
	line, rest, found := bytes.Cut(reply[1:], []byte("\r\n"))
	n, err := strconv.Atoi(string(line))
	if !found || err != nil || n < 0 || len(rest) < n {
		return nil, false
	}
	return rest[:n], true
}

// section is the text of our part of INFO, with the line ends of Redis.
func (srv *Server) section() string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%s:%v\r\n", name, value) }
	st := srv.Stats()
	e := &st.Engine

	b.WriteString("# distkit\r\n")
	line("distkit_version", st.Version)
	line("instance_id", st.InstanceID)
	line("namespace", st.Namespace)
	line("embedded", flag(st.Embedded))
	line("uptime_in_seconds", int(st.Uptime.Seconds()))
	line("redis_up", flag(e.RedisUp))
	line("redis_failures", e.Failures)
	line("replica_waits_failed", e.ReplicaWaitsFailed)
	line("replicas_lacking", flag(e.ReplicasLacking))

	line("commands_answered", st.Answered)
	line("lax_commands", st.Counted)
	line("lax_holds", e.Holds)
	line("lax_held", e.Held)
	line("lax_rare", e.Rare)
	line("commands_forwarded", st.Forwarded)
	line("commands_refused", st.Refused)
	line("saving", strconv.FormatFloat(st.Saving(), 'f', 2, 64))
	line("redis_commands", e.RedisCommands)

	line("increments_accepted", e.Accepted)
	line("flush_scripts", e.FlushScripts)
	line("flushed_counters", e.FlushedCounters)
	line("flush_latency_usec", e.FlushLatency.Microseconds())
	line("flush_latency_mean_usec", e.Flushes.Mean().Microseconds())
	line("flush_latency_max_usec", e.FlushLatencyMax.Microseconds())
	line("round_usec", e.Round.Microseconds())
	line("pending_counters", e.Pending)
	line("max_pending_counters", e.MaxPending)
	line("oldest_pending_usec", e.OldestPending.Microseconds())
	line("max_pending_age_usec", e.MaxPendingAge.Microseconds())
	line("refused_counters", e.Refused)
	line("counters_loaded", e.Loads)
	line("counters_in_memory", e.Counters)
	line("namespaces", e.Namespaces)

	line("journal", flag(e.Journaled))
	line("journal_size_bytes", e.Journal.Size)
	line("journal_segments", e.Journal.Segments)
	line("journal_written_bytes", e.Journal.Written)
	line("journal_last_sync_time", e.Journal.LastSync/1e9)
	line("journal_failing", flag(e.Journal.Failing))
	line("journal_failures", e.Journal.Failures)

	line("observing", flag(srv.opts.Engine.Observer() != nil))
	observed(&b, srv.opts.Engine.Observer())

	line("instances_alive", e.InstancesAlive)
	line("slices_buried", e.Buried)
	line("burial_overflows", e.BurialOverflows)
	line("slices_restored", e.Restored)
	line("records_lost", e.RecordsLost)

	line("clients_connected", st.Clients)
	line("max_clients", st.MaxClients)
	line("clients_total", st.ClientsTotal)
	line("clients_refused", st.ClientsRefused)
	line("clients_evicted", st.ClientsEvicted)
	line("clients_memory", st.ClientsMemory)
	line("private_connections", st.PrivateConnections)
	line("private_connections_opened", st.PrivateConnectionsOpened)
	line("shared_connections", st.SharedConnections)
	line("shared_connections_opened", st.SharedConnectionsOpened)
	line("protocol_errors", st.ProtocolErrors)
	line("panics", st.Panics+e.Panics)
	return b.String()
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
