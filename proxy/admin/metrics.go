package admin

import (
	"time"

	"github.com/distkit/distkit-proxy/proxy"
)

// prefix is that of all metrics of our own.
const prefix = "distkit_"

// metric is one figure of the proxy's. Its name lacks the prefix; a counter's
// ends in _total.
type metric struct {
	name, help string
	value      func(*proxy.Stats) float64
}

// metrics are the figures that are one number each. Every one is in INFO too.
var metrics = []metric{
	{"redis_up", "Whether the last exchange with Redis succeeded (1) or not (0).",
		func(s *proxy.Stats) float64 { return truth(s.Engine.RedisUp) }},
	{"redis_failures_total", "Times Redis could not be reached, did not answer or did not serve.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Failures) }},
	{"replica_waits_failed_total", "Flushes that fewer replicas confirmed than --wait-replicas says; they are sent again.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.ReplicaWaitsFailed) }},
	{"replicas_lacking", "Whether the last flush was confirmed by too few replicas (1) or not (0).",
		func(s *proxy.Stats) float64 { return truth(s.Engine.ReplicasLacking) }},

	{"commands_answered_total", "Commands of the DK families, and ordinary ones on lax keys, that the proxy has answered.",
		func(s *proxy.Stats) float64 { return float64(s.Answered) }},
	{"commands_sent_total", "Commands sent to Redis for the DK families and lax keys; a script is one.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.RedisCommands) }},
	{"lax_commands_total", "Ordinary commands on lax keys that the proxy has answered.",
		func(s *proxy.Stats) float64 { return float64(s.Counted) }},
	{"lax_holds_total", "Times lax keys were held for an ordinary command that was sent to Redis.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Holds) }},
	{"lax_rare_total", "Increments of lax keys that were sent to Redis as they are, as nobody had asked for their keys lately.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Rare) }},
	{"lax_held", "Commands under way for which lax keys are held.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Held) }},
	{"commands_forwarded_total", "Other commands sent on to Redis.",
		func(s *proxy.Stats) float64 { return float64(s.Forwarded) }},
	{"commands_refused_total", "Other commands refused by the deny list.",
		func(s *proxy.Stats) float64 { return float64(s.Refused) }},

	{"increments_accepted_total", "Increments answered from memory, or carried out with a batch as their ordinary key was not there.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Accepted) }},
	{"flush_scripts_total", "Numbered flush scripts sent to Redis, repeats included.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.FlushScripts) }},
	{"flushed_counters_total", "Counters carried by flush scripts, repeats included.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.FlushedCounters) }},
	{"round_duration_seconds", "How long the last pass over all counters in use took, in the slowest partition.",
		func(s *proxy.Stats) float64 { return seconds(s.Engine.Round) }},

	{"pending_counters", "Counters with increments that Redis has not acknowledged.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Pending) }},
	{"max_pending_counters", "Pending counters past which increments of further ones are refused.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.MaxPending) }},
	{"oldest_pending_age_seconds", "Age of the oldest increment that Redis has not acknowledged; 0 with none.",
		func(s *proxy.Stats) float64 { return seconds(s.Engine.OldestPending) }},
	{"max_pending_age_seconds", "Age of the oldest pending increment past which new ones are refused; 0 for no bound.",
		func(s *proxy.Stats) float64 { return seconds(s.Engine.MaxPendingAge) }},
	{"refused_counters", "Counters whose increments Redis refuses now.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Refused) }},

	{"counters_in_memory", "Counters in memory.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Counters) }},
	{"counters_loaded_total", "Counters loaded from Redis.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Loads) }},
	{"namespaces", "Namespaces in use.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Namespaces) }},

	{"journal_enabled", "Whether there is a journal (1) or not (0).",
		func(s *proxy.Stats) float64 { return truth(s.Engine.Journaled) }},
	{"journal_size_bytes", "Size of the journal's files.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Journal.Size) }},
	{"journal_segments", "Number of the journal's files.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Journal.Segments) }},
	{"journal_written_bytes_total", "Bytes written to the journal.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Journal.Written) }},
	{"journal_last_sync_timestamp_seconds", "When something of the journal was last synced to the disk, in seconds since 1970; 0 for never.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Journal.LastSync) / 1e9 }},
	{"journal_failing", "Whether the journal cannot be written (1), so that increments are refused, or can (0).",
		func(s *proxy.Stats) float64 { return truth(s.Engine.Journal.Failing) }},
	{"journal_failures_total", "Times the journal could not be written any more.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Journal.Failures) }},

	{"instances_alive", "Live instances of the DK family in the default namespace, as last seen.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.InstancesAlive) }},
	{"slices_buried_total", "Contributions taken from dead instances.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Buried) }},
	{"burial_overflows_total", "Contributions of dead instances that could not be taken, because the total would overflow.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.BurialOverflows) }},
	{"slices_restored_total", "Contributions moved back after this instance had been taken for dead.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Restored) }},
	{"records_lost_total", "Times Redis had lost a batch record: it was emptied, restored, or failed over.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.RecordsLost) }},

	{"clients", "Clients connected.",
		func(s *proxy.Stats) float64 { return float64(s.Clients) }},
	{"max_clients", "Clients past which further ones are refused.",
		func(s *proxy.Stats) float64 { return float64(s.MaxClients) }},
	{"clients_accepted_total", "Clients let in.",
		func(s *proxy.Stats) float64 { return float64(s.ClientsTotal) }},
	{"clients_refused_total", "Clients refused because there were too many.",
		func(s *proxy.Stats) float64 { return float64(s.ClientsRefused) }},
	{"clients_evicted_total", "Clients disconnected because they held most when all together held too much memory.",
		func(s *proxy.Stats) float64 { return float64(s.ClientsEvicted) }},
	{"clients_memory_bytes", "Memory held for clients: commands that are not complete, read ahead, or not answered.",
		func(s *proxy.Stats) float64 { return float64(s.ClientsMemory) }},
	{"private_connections", "Connections to Redis that belong to one client each.",
		func(s *proxy.Stats) float64 { return float64(s.PrivateConnections) }},
	{"private_connections_opened_total", "Connections to Redis ever opened for one client each.",
		func(s *proxy.Stats) float64 { return float64(s.PrivateConnectionsOpened) }},
	{"shared_connections", "Connections to Redis that clients share.",
		func(s *proxy.Stats) float64 { return float64(s.SharedConnections) }},
	{"shared_connections_opened_total", "Connections to Redis ever opened for clients to share.",
		func(s *proxy.Stats) float64 { return float64(s.SharedConnectionsOpened) }},
	{"protocol_errors_total", "Clients disconnected because they did not speak the protocol.",
		func(s *proxy.Stats) float64 { return float64(s.ProtocolErrors) }},
	{"engine_panics_total", "Work of the engine that was begun anew after a fault of the proxy's own.",
		func(s *proxy.Stats) float64 { return float64(s.Engine.Panics) }},
	{"panics_total", "Sessions that ended by a fault of the proxy's own.",
		func(s *proxy.Stats) float64 { return float64(s.Panics) }},
}

// The histogram of flushes is the one figure that is not one number.
const (
	flushName = "flush_duration_seconds"
	flushHelp = "Round trips of flush scripts that Redis has answered."
)

func seconds(d time.Duration) float64 { return d.Seconds() }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
