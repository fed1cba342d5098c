package proxy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// infoSection is the name of our section of INFO.
const infoSection = "distkit"

// answerInfo answers INFO: Redis' own text with our section behind it, or our
// section alone, which needs no Redis.
func (s *session) answerInfo(req request) {
	var others [][]byte
	named, all := false, len(req.args) == 1
	for _, arg := range req.args[1:] {
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
		s.append(s.verbatim([]byte(s.srv.section())))
	case !named && !all:
		s.passInfo(req.raw, "")
	case named:
		s.passInfo(appendCommand(nil, append(req.args[:1:1], others...)...), s.srv.section())
	default:
		s.passInfo(req.raw, s.srv.section())
	}
}

// passInfo asks Redis and appends the section to its text.
func (s *session) passInfo(raw []byte, section string) {
	reply, ok := s.ask(raw)
	if !ok {
		return
	}
	body, found := bulkBody(reply)
	s.srv.seen.fromInfo(body)
	if section == "" || !found {
		s.append(reply)
		return
	}
	text := bytes.Clone(body)
	if len(text) > len("txt:") {
		text = append(text, '\r', '\n')
	}
	text = append(text, section...)
	s.append(append(appendHeader(nil, reply[0], len(text)), append(text, '\r', '\n')...))
}

// verbatim is a text reply in the session's protocol.
func (s *session) verbatim(text []byte) []byte {
	if !s.setup.resp3() {
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
	st, m := srv.opts.Engine.Stats(), &srv.metrics
	ours := m.ours.Load()

	b.WriteString("# distkit\r\n")
	line("distkit_version", srv.opts.Version)
	line("instance_id", srv.opts.Engine.InstanceID())
	line("namespace", srv.opts.Namespace)
	line("embedded", flag(srv.opts.Embedded))
	line("uptime_in_seconds", int(time.Since(srv.started).Seconds()))
	line("redis_up", flag(st.RedisUp))
	line("redis_failures", st.Failures)
	line("replica_waits_failed", st.ReplicaWaitsFailed)
	line("replicas_lacking", flag(st.ReplicasLacking))

	line("commands_answered", ours)
	line("commands_forwarded", m.forwarded.Load())
	line("commands_refused", m.refused.Load())
	line("saving", saving(ours, st))
	line("redis_commands", st.RedisCommands)

	line("increments_accepted", st.Accepted)
	line("flush_scripts", st.FlushScripts)
	line("flushed_counters", st.FlushedCounters)
	line("flush_latency_usec", st.FlushLatency.Microseconds())
	line("flush_latency_max_usec", st.FlushLatencyMax.Microseconds())
	line("round_usec", st.Round.Microseconds())
	line("pending_counters", st.Pending)
	line("oldest_pending_usec", st.OldestPending.Microseconds())
	line("refused_counters", st.Refused)
	line("counters_loaded", st.Loads)
	line("counters_in_memory", st.Counters)
	line("namespaces", st.Namespaces)

	line("instances_alive", st.InstancesAlive)
	line("slices_buried", st.Buried)
	line("burial_overflows", st.BurialOverflows)
	line("slices_restored", st.Restored)
	line("records_lost", st.RecordsLost)

	line("clients_connected", m.clients.Load())
	line("clients_total", m.clientsTotal.Load())
	line("clients_refused", m.clientsRefused.Load())
	line("private_connections", m.upstreams.Load())
	line("private_connections_opened", m.upstreamsOpened.Load())
	line("protocol_errors", m.protocolErrors.Load())
	line("panics", m.panics.Load())
	return b.String()
}

// saving is how many commands of ours one command to Redis has paid for.
func saving(ours uint64, st engine.Stats) string {
	return strconv.FormatFloat(float64(ours)/float64(max(st.RedisCommands, 1)), 'f', 2, 64)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
