package keyspec

import "strings"

// effect is what a command does that its key specifications do not say.
type effect struct {
	whole, loose Span
	flush        bool
	reloads      bool
	reading      reading
}

// reading is how the arguments are read beyond the specifications.
type reading uint8

const (
	bySpecs reading = iota
	asSort
	asMove
	asCopy
	asSwap
)

// decision is what is known here of some commands.
type decision struct {
	names string // container|subcommand is one; a container stands for the others
	effect
	why string
}

// decisions are about Redis' commands that have no keys but may see data, and those
// whose specifications are not all. What has no key in Redis' table and is not here
// is loose everywhere: a module's, or a later Redis', of which nobody knows better.
var decisions = []decision{
	{"acl asking auth client command commandlog config discard echo exec function hello host: info lastsave latency" +
		" lolwut monitor multi ping post psubscribe publish pubsub punsubscribe quit readonly readwrite replconf" +
		" reset role script select slowlog spublish ssubscribe subscribe sunsubscribe time unsubscribe unwatch pfselftest" +
		" memory|doctor memory|help memory|malloc-stats memory|purge memory|stats" +
		" module|help module|list object|help xgroup|help xinfo|help",
		effect{}, "about the connection, the server, channels or scripts; statistics may be a little late"},
	{"memory|usage", effect{}, "its key is known, in an old Redis too"},
	{"dbsize flushdb keys randomkey scan", effect{whole: Here}, "which keys are there"},
	{"flushall", effect{whole: Everywhere}, "all of them go"},
	{"swapdb", effect{reading: asSwap}, "the two change places"},
	{"move", effect{reading: asMove}, "the key appears elsewhere"},
	{"copy", effect{reading: asCopy}, "the key may appear elsewhere"},
	{"sort sort_ro", effect{reading: asSort}, "patterns stand for other keys"},
	{"eval eval_ro evalsha evalsha_ro fcall fcall_ro", effect{loose: Everywhere},
		"a script need not declare its keys and may select databases"},
	{"migrate", effect{loose: Here}, "Redis calls its keys incomplete"},
	{"wait waitaof", effect{flush: true}, "what was acknowledged is waited for, so it has to be in Redis"},
	{"save bgsave bgrewriteaof", effect{flush: true},
		"what was acknowledged before is to be in the file; what comes meanwhile may be in it or not, as in Redis"},
	{"shutdown failover psync sync", effect{flush: true}, "what is kept or handed over is to be complete"},
	{"replicaof slaveof", effect{loose: Everywhere}, "another data set takes the place of this one"},
	{"module", effect{loose: Everywhere, reloads: true}, "a module may do anything when it comes or goes, and brings commands"},
	{"debug", effect{loose: Everywhere}, "RELOAD, POPULATE, OBJECT, DIGEST: most see or change keys"},
	{"debug|error debug|help debug|log debug|protocol debug|set-active-expire debug|sleep debug|stringmatch-len debug|structsize",
		effect{}, "these do not"},
	{"cluster", effect{loose: Everywhere}, "FAILOVER, REPLICATE, RESET, SETSLOT, FLUSHSLOTS: who has which keys changes"},
	{"cluster|countkeysinslot cluster|getkeysinslot", effect{whole: Here}, "which keys are there"},
	{"cluster|addslots cluster|addslotsrange cluster|bumpepoch cluster|count-failure-reports cluster|forget cluster|help" +
		" cluster|info cluster|keyslot cluster|links cluster|meet cluster|myid cluster|myshardid cluster|nodes cluster|replicas" +
		" cluster|saveconfig cluster|set-config-epoch cluster|shards cluster|slaves cluster|slots",
		effect{}, "about nodes and slots"},
}

// decided is decisions by name.
var decided = func() map[string]effect {
	all := make(map[string]effect)
	for _, d := range decisions {
		for name := range strings.FieldsSeq(d.names) {
			all[name] = d.effect
		}
	}
	return all
}()

// decidedSubs are the subcommands in decisions, by container.
var decidedSubs = func() map[string][]string {
	all := make(map[string][]string)
	for name := range decided {
		if container, sub, found := strings.Cut(name, "|"); found {
			all[container] = append(all[container], sub)
		}
	}
	return all
}()

// older are the keys of commands that a Redis before 7.0 says have movable ones
// and no more. A later one gives key specifications.
var older = map[string][]spec{
	"bzmpop":               {counted(2)},
	"blmpop":               {counted(2)},
	"eval":                 {counted(2)},
	"eval_ro":              {counted(2)},
	"evalsha":              {counted(2)},
	"evalsha_ro":           {counted(2)},
	"fcall":                {counted(2)},
	"fcall_ro":             {counted(2)},
	"georadius":            {at(1), behind("store", 6, 0), behind("storedist", 6, 0)},
	"georadius_ro":         {at(1)},
	"georadiusbymember":    {at(1), behind("store", 5, 0), behind("storedist", 5, 0)},
	"georadiusbymember_ro": {at(1)},
	"lmpop":                {counted(1)},
	"memory|usage":         {at(2)},
	"migrate":              {at(3), behind("keys", 6, -1)},
	"pfdebug":              {at(2)},
	"sintercard":           {counted(1)},
	"sort":                 {at(1)},
	"sort_ro":              {at(1)},
	"stralgo":              {behind("keys", 2, 1)},
	"xread":                {streams(1)},
	"xreadgroup":           {streams(4)},
	"zdiff":                {counted(1)},
	"zdiffstore":           {at(1), counted(2)},
	"zinter":               {counted(1)},
	"zintercard":           {counted(1)},
	"zinterstore":          {at(1), counted(2)},
	"zmpop":                {counted(1)},
	"zunion":               {counted(1)},
	"zunionstore":          {at(1), counted(2)},
}

// at is one key.
func at(i int) spec { return spec{at: i, step: 1} }

// counted is a number of keys at an argument, and the keys behind it.
func counted(i int) spec { return spec{at: i, counted: true, first: 1, step: 1} }

// behind is what follows a word, from an argument on.
func behind(word string, from, last int) spec {
	return spec{at: from, word: word, last: last, step: 1}
}

// streams are the keys before as many IDs.
func streams(from int) spec {
	return spec{at: from, word: "streams", last: -1, limit: 2, step: 1}
}
