package conf

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDefaultIsValid(t *testing.T) {
	c := Default()
	c.InstanceID = "a"
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestDefaults(t *testing.T) {
	c := Default()
	want := map[string]string{
		"listen": "127.0.0.1:6380", "redis": "an embedded in-memory Redis", "namespace": "distkit",
		"max-namespaces": "256", "flush-interval": "20ms", "allowed-lag": "20ms", "dead-after": "30s",
		"instance-id": "a new UUID", "partitions": "1", "max-pending": "1000000", "max-pending-age": "none",
		"command-timeout": "1s", "shutdown-timeout": "8s", "max-clients": "10000", "idle-timeout": "none",
		"max-bulk": "512mb", "max-args": "1048576", "max-query-buffer": "1gb", "max-client-memory": "48mb",
		"deny": "SHUTDOWN SYNC PSYNC REPLCONF", "public": "off", "admin": "off", "config": "none",
		"wait-replicas": "0", "share-from": "4", "tls-cert": "no TLS", "tls-key": "none", "tls-client-ca": "none", "log-level": "info", "log-format": "text",
		"threads": "auto", "lax": "none", "observe": "off", "journal": "off", "journal-sync": "interval",
	}
	table := settings(&c)
	for _, s := range table {
		if got := s.byDefault(); got != want[s.name] {
			t.Errorf("%s: default %q, want %q", s.name, got, want[s.name])
		}
	}
	if len(table) != len(want) {
		t.Errorf("%d settings, want %d", len(table), len(want))
	}
}

// samples is a value for every setting that is not its default, and what the
// field is then.
var samples = map[string]struct {
	raw   string
	field func(Config) any
	want  any
}{
	"listen":            {"localhost:1 unix:///tmp/s", func(c Config) any { return c.Listen }, []string{"localhost:1", "unix:///tmp/s"}},
	"public":            {"on", func(c Config) any { return c.Public }, true},
	"max-clients":       {"7", func(c Config) any { return c.MaxClients }, 7},
	"idle-timeout":      {"5m", func(c Config) any { return c.IdleTimeout }, 5 * time.Minute},
	"deny":              {"flushall,Config|Set", func(c Config) any { return c.Deny }, []string{"FLUSHALL", "CONFIG|SET"}},
	"tls-cert":          {"/etc/crt", func(c Config) any { return c.TLSCert }, "/etc/crt"},
	"tls-key":           {"/etc/key", func(c Config) any { return c.TLSKey }, "/etc/key"},
	"tls-client-ca":     {"/etc/ca", func(c Config) any { return c.TLSClientCA }, "/etc/ca"},
	"redis":             {"rediss://u:p@h:1/3", func(c Config) any { return c.Redis }, "rediss://u:p@h:1/3"},
	"wait-replicas":     {"2", func(c Config) any { return c.WaitReplicas }, 2},
	"share-from":        {"0", func(c Config) any { return c.ShareFrom }, 0},
	"command-timeout":   {"250ms", func(c Config) any { return c.CommandTimeout }, 250 * time.Millisecond},
	"namespace":         {"shop", func(c Config) any { return c.Namespace }, "shop"},
	"max-namespaces":    {"3", func(c Config) any { return c.MaxNamespaces }, 3},
	"instance-id":       {"web-1.a_B", func(c Config) any { return c.InstanceID }, "web-1.a_B"},
	"flush-interval":    {"5ms", func(c Config) any { return c.FlushInterval }, 5 * time.Millisecond},
	"allowed-lag":       {"1s", func(c Config) any { return c.AllowedLag }, time.Second},
	"dead-after":        {"1m30s", func(c Config) any { return c.DeadAfter }, 90 * time.Second},
	"partitions":        {"64", func(c Config) any { return c.Partitions }, 64},
	"journal":           {"/var/j", func(c Config) any { return c.Journal }, "/var/j"},
	"journal-sync":      {"Always", func(c Config) any { return c.JournalSync }, "always"},
	"lax":               {"counter:*,user:[0-9]*:hits", func(c Config) any { return c.Lax }, []LaxPattern{{Glob: "counter:*"}, {Glob: "user:[0-9]*:hits"}}},
	"observe":           {"on", func(c Config) any { return c.Observe }, true},
	"max-pending":       {"10", func(c Config) any { return c.MaxPending }, 10},
	"max-pending-age":   {"1h", func(c Config) any { return c.MaxPendingAge }, time.Hour},
	"max-bulk":          {"1mb", func(c Config) any { return c.MaxBulk }, 1 << 20},
	"max-args":          {"1024", func(c Config) any { return c.MaxArgs }, 1024},
	"max-query-buffer":  {"2GB", func(c Config) any { return c.MaxQueryBuffer }, 2 << 30},
	"max-client-memory": {"1gb", func(c Config) any { return c.MaxClientMemory }, 1 << 30},
	"admin":             {"localhost:9", func(c Config) any { return c.Admin }, "localhost:9"},
	"threads":           {"3", func(c Config) any { return c.Threads }, 3},
	"shutdown-timeout":  {"3s", func(c Config) any { return c.ShutdownTimeout }, 3 * time.Second},
	"log-level":         {"Debug", func(c Config) any { return c.LogLevel }, "debug"},
	"log-format":        {"json", func(c Config) any { return c.LogFormat }, "json"},
}

// companions are the settings without which one may not be set.
var companions = map[string][]string{
	"tls-cert": {"tls-key"}, "tls-key": {"tls-cert"}, "tls-client-ca": {"tls-cert", "tls-key"},
}

func TestEverySettingFromEverySource(t *testing.T) {
	c := Default()
	for _, s := range settings(&c) {
		if s.name == "config" {
			continue // TestFileFromEnvironment, and all tests with a file
		}
		t.Run(s.name, func(t *testing.T) {
			sample, ok := samples[s.name]
			if !ok {
				t.Fatal("no sample for this setting")
			}
			check := func(from string, c Config) {
				t.Helper()
				if got := sample.field(c); !reflect.DeepEqual(got, sample.want) {
					t.Errorf("%s: %v, want %v", from, got, sample.want)
				}
			}
			env := map[string]string{}
			for _, other := range companions[s.name] {
				env[find(settings(&c), other).env()] = "/some/file"
			}
			check("flag", load(t, env, "--"+s.name+"="+sample.raw))
			check("file", load(t, env, "--config", file(t, s.yaml()+": "+sample.raw+"\n")))
			env[s.env()] = sample.raw
			check("environment", load(t, env))
		})
	}
}

func TestPrecedence(t *testing.T) {
	path := file(t, "namespace: file\nmax_clients: 1\npartitions: 2\nredis: redis://file\n")
	env := map[string]string{"DISTKIT_NAMESPACE": "env", "DISTKIT_MAX_CLIENTS": "3", "REDIS_URL": "redis://url"}
	c := load(t, env, "--namespace", "flag", "--config", path)
	if c.Namespace != "flag" || c.MaxClients != 3 || c.Partitions != 2 || c.MaxNamespaces != 256 {
		t.Errorf("got %s %d %d %d, want flag 3 2 256", c.Namespace, c.MaxClients, c.Partitions, c.MaxNamespaces)
	}
	if c.Redis != "redis://url" {
		t.Errorf("REDIS_URL is over the file: got %s", c.Redis)
	}
	env["DISTKIT_REDIS"] = "redis://own"
	if c := load(t, env); c.Redis != "redis://own" {
		t.Errorf("DISTKIT_REDIS is over REDIS_URL: got %s", c.Redis)
	}
	env["DISTKIT_REDIS"] = ""
	if c := load(t, env); c.Redis != "redis://url" {
		t.Errorf("an empty variable counts as not set: got %s", c.Redis)
	}
}

func TestFileFromEnvironment(t *testing.T) {
	path := file(t, "namespace: file\n")
	if c := load(t, map[string]string{"DISTKIT_CONFIG": path}); c.Namespace != "file" || c.File != path {
		t.Errorf("got namespace %q of file %q", c.Namespace, c.File)
	}
}

func TestRepeatedSettings(t *testing.T) {
	want := []string{"127.0.0.1:1", "127.0.0.1:2"}
	for name, c := range map[string]Config{
		"flags":     load(t, nil, "--listen", want[0], "--listen", want[1]),
		"one flag":  load(t, nil, "--listen", strings.Join(want, ",")),
		"file list": load(t, nil, "--config", file(t, "listen: ["+strings.Join(want, ", ")+"]\n")),
		"flag over": load(t, map[string]string{"DISTKIT_LISTEN": "127.0.0.1:9"}, "--listen", want[0], "--listen", want[1]),
	} {
		if !slices.Equal(c.Listen, want) {
			t.Errorf("%s: %v, want %v", name, c.Listen, want)
		}
	}
}

func TestDenyNothing(t *testing.T) {
	for name, c := range map[string]Config{
		"flag":       load(t, nil, "--deny", "none"),
		"empty flag": load(t, nil, "--deny="),
		"env":        load(t, map[string]string{"DISTKIT_DENY": "none"}),
		"file":       load(t, nil, "--config", file(t, "deny: []\n")),
	} {
		if len(c.Deny) != 0 {
			t.Errorf("%s: %v is denied, want nothing", name, c.Deny)
		}
	}
}

func TestAdminOffOverTheFile(t *testing.T) {
	if c := load(t, nil, "--admin", "off", "--config", file(t, "admin: localhost:9\n")); c.Admin != "" {
		t.Errorf("admin is %q, want none", c.Admin)
	}
}

func TestThreadsForTheMachineOverTheFile(t *testing.T) {
	for _, auto := range []string{"auto", "Auto", "0"} {
		if c := load(t, nil, "--threads", auto, "--config", file(t, "threads: 3\n")); c.Threads != 0 {
			t.Errorf("%s: %d threads, want 0", auto, c.Threads)
		}
	}
}

func TestInstanceIDIsNewUUID(t *testing.T) {
	a, b := load(t, nil).InstanceID, load(t, nil).InstanceID
	if a == b || len(a) != 36 || a[14] != '4' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("got %q and %q, want two random UUIDs", a, b)
	}
}

func TestActionsReadNothingElse(t *testing.T) {
	env := map[string]string{"DISTKIT_CONFIG": "/does/not/exist", "DISTKIT_PARTITIONS": "x"}
	if c := load(t, env, "--help"); !c.ShowHelp {
		t.Error("--help is not seen")
	}
	if c := load(t, env, "--version"); !c.ShowVersion {
		t.Error("--version is not seen")
	}
	if c := load(t, nil, "--check-config"); !c.CheckOnly {
		t.Error("--check-config is not seen")
	}
}

func TestGoodFiles(t *testing.T) {
	for _, text := range []string{"", "\n# nothing\n", "---\n", "{}", "idle_timeout: 0\n", "public: true\n", "listen: &a localhost:1\n",
		"redis: 'redis://:pw@h'\n", "max_bulk: 1048576\n"} {
		load(t, nil, "--config", file(t, text))
	}
}

func load(t *testing.T, env map[string]string, args ...string) Config {
	t.Helper()
	c, err := Load(args, environ(env))
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return c
}

// environ is a process' environment with these variables in it.
func environ(env map[string]string) []string {
	list := []string{"PATH=/bin", "HOME="}
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "proxy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
