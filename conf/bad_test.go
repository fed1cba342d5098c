package conf

import (
	"strings"
	"testing"
)

const urls = "redis://[user:password@]host[:port][/db], rediss://… with TLS, unix://[user:password@]/path[?db=n], or redis+sentinel://[user:password@]host[:port],…/master[/db]"

func TestBadFlags(t *testing.T) {
	const ms = "1ms to 1m, with a unit ms, s, m or h"
	for _, tc := range []struct{ args, want string }{
		{"--flush-interval=20", `flush-interval "20" (from --flush-interval): it has no unit; allowed: ` + ms},
		{"--flush-interval=soon", `flush-interval "soon" (from --flush-interval): it is not a duration; allowed: ` + ms},
		{"--flush-interval=0s", `flush-interval "0s" (from --flush-interval): it is too small; allowed: ` + ms},
		{"--flush-interval=2m", `flush-interval "2m" (from --flush-interval): it is too large; allowed: ` + ms},
		{"--flush-interval=1s --flush-interval=2s", `flush-interval "1s 2s" (from --flush-interval): it may be given only once; allowed: ` + ms},
		{"--idle-timeout=1ms", `idle-timeout "1ms" (from --idle-timeout): it is too small; allowed: none, or 10ms to 8760h, with a unit ms, s, m or h`},
		{"--partitions=0", `partitions "0" (from --partitions): it is too small; allowed: 1 to 1024`},
		{"--partitions -1", `partitions "-1" (from --partitions): it is too small; allowed: 1 to 1024`},
		{"--partitions=many", `partitions "many" (from --partitions): it is not a whole number; allowed: 1 to 1024`},
		{"--partitions=99999999999999999999", `partitions "99999999999999999999" (from --partitions): it is too large; allowed: 1 to 1024`},
		{"--max-bulk=1tb", `max-bulk "1tb" (from --max-bulk): it is not a size; allowed: 1kb to 64gb, with a suffix b, k, kb, m, mb, g or gb`},
		{"--max-bulk=-1", `max-bulk "-1" (from --max-bulk): it is not a size; allowed: 1kb to 64gb, with a suffix b, k, kb, m, mb, g or gb`},
		{"--max-bulk=99999999999gb", `max-bulk "99999999999gb" (from --max-bulk): it is too large; allowed: 1kb to 64gb, with a suffix b, k, kb, m, mb, g or gb`},
		{"--max-bulk=2gb", `max-query-buffer "1gb": it does not fit max-bulk; allowed: at least 2gb, as much as max-bulk`},
		{"--dead-after=100ms --flush-interval=50ms", `dead-after "100ms" (from --dead-after): it does not fit flush-interval; allowed: at least 200ms, four times flush-interval (50ms)`},
		{"--max-pending-age=100ms --flush-interval=90ms", `max-pending-age "100ms" (from --max-pending-age): it does not fit flush-interval; allowed: none, or at least 180ms, twice flush-interval (90ms)`},
		{"--threads=all", `threads "all" (from --threads): it is not a whole number; allowed: auto, or 1 to 1024`},
		{"--threads=-1", `threads "-1" (from --threads): it is too small; allowed: auto, or 1 to 1024`},
		{"--threads=1025", `threads "1025" (from --threads): it is too large; allowed: auto, or 1 to 1024`},
		{"--wait-replicas=-1", `wait-replicas "-1" (from --wait-replicas): it is too small; allowed: 0 to 100`},
		{"--wait-replicas=101", `wait-replicas "101" (from --wait-replicas): it is too large; allowed: 0 to 100`},
		{"--public=maybe", `public "maybe" (from --public): it is neither on nor off; allowed: on or off (true, false, yes, no, 1, 0)`},
		{"--log-level=loud", `log-level "loud" (from --log-level): it is not one of the words; allowed: debug, info, warn, error`},
		{"--instance-id=a/b", `instance-id "a/b" (from --instance-id): it has a character that is not allowed; allowed: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'`},
		{"--instance-id=", `instance-id (from --instance-id): it is empty; allowed: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'`},
		{"--instance-id=" + strings.Repeat("x", 65), `instance-id "` + strings.Repeat("x", 65) + `" (from --instance-id): it is too long; allowed: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'`},
		{"--namespace=a:b", `namespace "a:b" (from --namespace): it has a character that is not allowed; allowed: 1 to 255 bytes without ':', '{' or '}'`},
		{"--deny=CONFIG|", `deny "CONFIG|" (from --deny): it has a character that no command name has; allowed: none, or names separated by spaces, of commands or container|subcommand`},
		{"--deny=a|b|c", `deny "a|b|c" (from --deny): it has a character that no command name has; allowed: none, or names separated by spaces, of commands or container|subcommand`},
		{"--listen=6380", `listen "6380" (from --listen): it is not a host and a port; allowed: host:port or unix:///path, separated by spaces`},
		{"--listen=localhost:x", `listen "localhost:x" (from --listen): the port is not a number from 0 to 65535; allowed: host:port or unix:///path, separated by spaces`},
		{"--listen=unix://s.sock", `listen "unix://s.sock" (from --listen): a unix socket needs an absolute path; allowed: host:port or unix:///path, separated by spaces`},
		{"--listen=[::1]:1,[::1]:1", `listen "[::1]:1,[::1]:1" (from --listen): an address is there twice; allowed: host:port or unix:///path, separated by spaces`},
		{"--listen=", `listen (from --listen): there is no address; allowed: host:port or unix:///path, separated by spaces`},
		{"--listen=0.0.0.0:1", `listen "0.0.0.0:1" (from --listen): others can reach it, and the embedded Redis asks for no password; allowed: a loopback address, or any with --tls-client-ca or --public`},
		{"--listen=:1", `listen ":1" (from --listen): others can reach it, and the embedded Redis asks for no password; allowed: a loopback address, or any with --tls-client-ca or --public`},
		{"--listen=somehost:1", `listen "somehost:1" (from --listen): others can reach it, and the embedded Redis asks for no password; allowed: a loopback address, or any with --tls-client-ca or --public`},
		{"--admin=9090", `admin "9090" (from --admin): it is not a host and a port; allowed: off, host:port or unix:///path`},
		{"--admin=", `admin (from --admin): it is empty; allowed: off, host:port or unix:///path`},
		{"--admin=localhost:1 --admin=localhost:2", `admin "localhost:1 localhost:2" (from --admin): it may be given only once; allowed: off, host:port or unix:///path`},
		{"--tls-cert=a", `tls-cert "a" (from --tls-cert): it is of no use without tls-key; allowed: only together with tls-key`},
		{"--tls-key=a", `tls-key "a" (from --tls-key): it is of no use without tls-cert; allowed: only together with tls-cert`},
		{"--tls-client-ca=a", `tls-client-ca "a" (from --tls-client-ca): it is of no use without tls-cert; allowed: only together with tls-cert`},
		{"--tls-cert=", `tls-cert (from --tls-cert): it is empty; allowed: the path of a PEM file`},
		{"--tls-cert=a --tls-key=b --listen=:1", `listen ":1" (from --listen): others can reach it, and the embedded Redis asks for no password; allowed: a loopback address, or any with --tls-client-ca or --public`},
		{"--admin=0.0.0.0:1", `admin "0.0.0.0:1" (from --admin): others can reach it, and it asks for no password; allowed: a loopback address, or any with --public`},
		{"--config=/does/not/exist", `config "/does/not/exist": the file cannot be read: no such file or directory`},
		{"--flush-intervall=1s", `unknown flag --flush-intervall; did you mean --flush-interval?`},
		{"--flush_interval=1s", `unknown flag --flush_interval; did you mean --flush-interval?`},
		{"--journal=", "journal (from --journal): it is empty; allowed: the path of a directory"},
		{"--journal-sync=often", `journal-sync "often" (from --journal-sync): it is not one of the words; allowed: always, interval, never`},
		{"--cluster=x", `unknown flag --cluster; --help lists them all`},
		{"-redis=redis://:secret@h", `unknown flag -r; flags begin with two dashes, --help lists them all`},
		{"--=redis://:secret@h", `a flag is malformed: write --name value or --name=value`},
		{"--dead-after=100ms --flush-interval=1m", `dead-after "100ms" (from --dead-after): it does not fit flush-interval; allowed: at least 4m, four times flush-interval (1m)`},
		{"--redis=", `redis (from --redis): it is empty; for an embedded in-memory Redis leave it out; allowed: ` + urls},
		{"--redis=none", `redis "none" (from --redis): it does not begin with redis://, rediss://, unix:// or redis+sentinel://; allowed: ` + urls},
		{"--config=", `config (from --config): it is empty; allowed: the path of a YAML file`},
		{"--redis", `redis (from --redis): the value is missing; allowed: ` + urls},
		{"--version=x", `--version takes no value`},
		{"--version extra", `unexpected argument "extra"; settings are given as --name value`},
		{"--help extra", `unexpected argument "extra"; settings are given as --name value`},
		{"-h -- --extra", `unexpected argument "--extra"; settings are given as --name value`},
		{"--check-config extra", `unexpected argument "extra"; settings are given as --name value`},
		{"--version --nope", `unknown flag --nope; --help lists them all`},
		{"redis://:secret@h", `unexpected argument "redis://:***@h"; settings are given as --name value`},
	} {
		_, err := Load(strings.Fields(tc.args), environ(nil))
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s:\n got %v\nwant %s", tc.args, err, tc.want)
		}
	}
}

func TestPublicAllowsAnyAddress(t *testing.T) {
	load(t, nil, "--listen", "0.0.0.0:1", "--listen=:2", "--admin=:3", "--public")
}

// Who is exposed to others without certificates must have a Redis that asks for
// passwords, which shows only later.
func TestExposed(t *testing.T) {
	for args, want := range map[string]string{
		"--listen=:1 --listen=127.0.0.1:2 --listen=unix:///s --listen=h:3 --redis=redis://h": ":1 h:3",
		"--listen=[::1]:1 --redis=redis://h":                                                 "",
		"--listen=:1 --redis=redis://h --public":                                             "",
		"--listen=:1 --tls-cert=a --tls-key=b --tls-client-ca=c":                             "",
		"--listen=:1 --tls-cert=a --tls-key=b --redis=redis://h":                             ":1",
	} {
		c := load(t, nil, strings.Fields(args)...)
		if got := strings.Join(c.Exposed(), " "); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	path := file(t, "partitions: x\nnope: 1\n")
	_, err := Load(strings.Fields("--flush-interval 20 --nope 5 --listen x --max-args=1 -r s --dead-after 1s --max-bulk 2gb --public=maybe surplus --config "+path),
		environ(map[string]string{"DISTKIT_NAMESPACE": "a:b", "DISTKIT_NOPE": "x"}))
	for _, begin := range []string{
		"unknown flag --nope;", "unknown flag -r;", `unexpected argument "surplus";`, "the environment has DISTKIT_NOPE,", path + `:2: unknown setting "nope";`,
		`partitions "x"`, `flush-interval "20"`, `public "maybe"`, `listen "x"`, `namespace "a:b"`, `max-args "1"`, `max-query-buffer "1gb": it does not fit max-bulk;`,
	} {
		if err == nil || strings.Count("\n"+err.Error(), "\n"+begin) != 1 {
			t.Errorf("not one line begins with %s in:\n%v", begin, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 12 {
		t.Errorf("%d lines, want 12:\n%v", n, err)
	}
}

func TestBadEnvironment(t *testing.T) {
	for _, tc := range []struct {
		env  string
		want string
	}{
		{"DISTKIT_PARTITIONS=x", `partitions "x" (from DISTKIT_PARTITIONS): it is not a whole number; allowed: 1 to 1024`},
		{"REDIS_URL=http://:secret@h", `redis "http://:***@h" (from REDIS_URL): it does not begin with redis://, rediss://, unix:// or redis+sentinel://; allowed: `},
		{"REDIS_URL=foo", `redis "foo" (from REDIS_URL): it does not begin with redis://, rediss://, unix:// or redis+sentinel://; allowed: `},
		{"DISTKIT_FLUSH_INTERVALL=50ms", `the environment has DISTKIT_FLUSH_INTERVALL, which is no setting; did you mean DISTKIT_FLUSH_INTERVAL?`},
		{"DISTKIT_flush_interval=50ms", `the environment has DISTKIT_flush_interval, which is no setting; did you mean DISTKIT_FLUSH_INTERVAL?`},
		{"DISTKIT_CLUSTER=x", `the environment has DISTKIT_CLUSTER, which is no setting; docs/configuration.md lists them all`},
		{"DISTKIT_PORT=6380", `the environment has DISTKIT_PORT, which is no setting; docs/configuration.md lists them all`},
		{"DISTKIT_=x", `the environment has DISTKIT_, which is no setting; docs/configuration.md lists them all`},
	} {
		_, err := Load(nil, []string{"PATH=/bin", tc.env})
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\n got %v\nwant %s", tc.env, err, tc.want)
		}
	}
}

// A service named distkit or distkit-proxy puts these into every container of
// its Kubernetes namespace, the proxy's own included.
func TestKubernetesServiceLinksAreNoTypos(t *testing.T) {
	var env []string
	for _, name := range []string{"DISTKIT", "DISTKIT_PROXY"} {
		env = append(env, name+"_SERVICE_HOST=10.0.0.1", name+"_SERVICE_PORT=6380", name+"_SERVICE_PORT_REDIS=6380", name+"_PORT=tcp://10.0.0.1:6380",
			name+"_PORT_6380_TCP=tcp://10.0.0.1:6380", name+"_PORT_6380_TCP_PROTO=tcp", name+"_PORT_6380_TCP_PORT=6380", name+"_PORT_6380_TCP_ADDR=10.0.0.1")
	}
	if _, err := Load(nil, env); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentThatCountsAsNotSet(t *testing.T) {
	c, err := Load(nil, []string{"DISTKIT_REDIS=", "DISTKIT_NOPE=", "DISTKIT", "OTHER=1", "DISTKIT_PARTITIONS=2", "DISTKIT_PARTITIONS=3"})
	if err != nil || c.Redis != "" || c.Partitions != 2 {
		t.Errorf("got redis %q, partitions %d, %v; want the embedded one, the first value 2", c.Redis, c.Partitions, err)
	}
}

func TestBadFiles(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"flush-interval: 20ms\n", `FILE:1: unknown setting "flush-interval"; did you mean flush_interval?`},
		{"\n\ncluster: /x\n", `FILE:3: unknown setting "cluster"; docs/configuration.md lists them all`},
		{"partitions: 1\npartitions: 2\n", `FILE:2: partitions is set twice, first in line 1`},
		{"partitions:\n", `FILE:1: partitions has no value; allowed: 1 to 1024`},
		{"redis:\n", `FILE:1: redis has no value; for an embedded in-memory Redis leave it out; allowed: ` + urls},
		{"redis: ''\n", `redis (from FILE:1): it is empty; for an embedded in-memory Redis leave it out; allowed: ` + urls},
		{"redis: []\n", `redis (from FILE:1): it is empty; for an embedded in-memory Redis leave it out; allowed: ` + urls},
		{"partitions: {a: 1}\n", `FILE:1: partitions has no value; allowed: 1 to 1024`},
		{"partitions: [1, 2]\n", `partitions "1 2" (from FILE:1): it may be given only once; allowed: 1 to 1024`},
		{"\npartitions: 1e9\n", `partitions "1e9" (from FILE:2): it is not a whole number; allowed: 1 to 1024`},
		{"partitions: 1025\n", `partitions "1025" (from FILE:1): it is too large; allowed: 1 to 1024`},
		{"config: other.yaml\n", `FILE:1: config cannot be set in the file itself`},
		{"- a\n", `FILE:1: settings are written as name: value`},
		{"partitions: 1\n---\npartitions: 2\n", `FILE:1: more than one YAML document`},
		{"a: b: c\n", `FILE: not YAML: mapping values are not allowed in this context`},
		{"partitions: x\nmax_args: y\nfoo: z\n", `FILE:3: unknown setting "foo"; docs/configuration.md lists them all
partitions "x" (from FILE:1): it is not a whole number; allowed: 1 to 1024
max-args "y" (from FILE:2): it is not a whole number; allowed: 16 to 16777216`},
	} {
		path := file(t, tc.text)
		_, err := Load([]string{"--config", path}, environ(nil))
		if err == nil || strings.ReplaceAll(err.Error(), path, "FILE") != tc.want {
			t.Errorf("%s:\n got %v\nwant %s", tc.text, err, tc.want)
		}
	}
}

func TestValidateReportsEverything(t *testing.T) {
	err := Config{}.Validate()
	for _, name := range []string{"listen", "namespace", "max-namespaces", "instance-id", "flush-interval", "log-format"} {
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+name) {
			t.Errorf("nothing is said about %s in: %v", name, err)
		}
	}
}
