package conf

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRedis(t *testing.T) {
	for raw, want := range map[string]string{
		"redis://h":                            "tcp h:6379 0 ",
		"redis://h:1/2":                        "tcp h:1 2 ",
		"redis://:pw@h?db=3":                   "tcp h:6379 3 pw",
		"redis://u:p%2Fw%40@[::1]:1":           "tcp [::1]:1 0 p/w@",
		"unix:///run/redis.sock?db=1":          "unix /run/redis.sock 1 ",
		"unix://:pw@/run/redis@1.sock":         "unix /run/redis@1.sock 0 pw",
		"REDIS://h":                            "tcp h:6379 0 ",
		"redis://h?read_timeout=3s&protocol=2": "tcp h:6379 0 ",
	} {
		o, err := ParseRedis(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got := o.Network + " " + o.Addr + " " + string(rune('0'+o.DB)) + " " + o.Password; got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
	if o, err := ParseRedis("rediss://h"); err != nil || o.TLSConfig == nil || o.TLSConfig.ServerName != "h" {
		t.Errorf("rediss: got %+v, %v; want TLS for h", o, err)
	}
}

func TestParseRedisRefuses(t *testing.T) {
	for raw, want := range map[string]error{
		"h:6379":                  errScheme,
		"http://h":                errScheme,
		"redis:h":                 errScheme,
		"redis-cluster://h":       errTopology,
		"rediss+cluster://h":      errTopology,
		"redis://a:1,b:2":         errTopology,
		"redis://u:p@a,b/0":       errTopology,
		"redis://a?addr=b":        errTopology,
		"redis://a?master_name=m": errTopology,
		"redis://:se/cret@h":      errNotURL,
		"redis://:secret@h:x":     errNotURL,
		"redis://:%zzsecret@h":    errNotURL,
		"redis://:12/secret@h":    errURLPassword,
		"redis://:se#cret@h":      errNotURL,
		"redis://u#secret@h":      errFragment,
		"redis://":                errURLHost,
		"redis://:1":              errURLHost,
		"redis://h:0":             errURLPort,
		"redis://h:99999":         errURLPort,
		"redis://h/-1":            errDB,
		"redis://h/x":             errDB,
		"redis://h/1/2":           errDB,
		"unix://run/redis.sock":   errUnixPath,
		"unix://":                 errUnixPath,
	} {
		if _, err := ParseRedis(raw); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", raw, err, want)
		}
	}
	_, err := ParseRedis("redis://h?password=secret&x=y")
	if err == nil || err.Error() != "an option after '?' is unknown or has a wrong value: password, x" {
		t.Errorf("unknown options: got %v", err)
	}
}

func TestRedact(t *testing.T) {
	for raw, want := range map[string]string{
		"":                               "",
		"localhost:6379":                 "localhost:6379",
		"redis://h:1/2":                  "redis://h:1/2",
		"redis://u:secret@h:1/2":         "redis://u:***@h:1/2",
		"rediss://:secret@h":             "rediss://:***@h",
		"redis://secret@h":               "redis://***@h",
		"redis://h/0?password=secret":    "redis://h/0?password=***",
		"redis://h?secret":               "redis://h?***",
		"redis://h?secret=1&db=2":        "redis://h?***&db=2",
		"redis://h?db=secret":            "redis://h?db=***",
		"redis://h?db=2&dial_timeout=2s": "redis://h?db=2&dial_timeout=2s",
		"redis://h?read_timeout=1m30s":   "redis://h?read_timeout=1m30s",
		"rediss://u:secret@h?skip_verify=true&client_name=web-1": "rediss://u:***@h?skip_verify=true&client_name=web-1",
		"unix://u:secret@/tmp/s.sock?db=3":                       "unix://u:***@/tmp/s.sock?db=3",
		"redis://u:12?secret@h":                                  "redis://***",
		"foo":                                                    "foo",
		"none":                                                   "none",
		"/run/redis.sock":                                        "/run/redis.sock",
		"redis:h":                                                "redis:***",
		"unix://:secret@/run/redis.sock":                         "unix://:***@/run/redis.sock",
		"unix:///run/redis@1.sock":                               "unix:///run/redis@1.sock",
		"redis://:se/cret@h":                                     "redis://***",
		"redis://:12/secret@h":                                   "redis://***",
		"redis://:sec#ret@h":                                     "redis://***",
		"redis://u#secret@h":                                     "redis://***",
		"redis://:%zzsecret@h":                                   "redis://***",
		"redis://h:secret":                                       "redis://h:***",
		"redis://u#secret":                                       "redis://u#***",
		":secret@h":                                              "***",
		"user:secret@h:6379":                                     "***",
	} {
		if got := Redact(raw); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

func TestNoMessageHoldsThePassword(t *testing.T) {
	for _, raw := range []string{
		"redis://:hunter2@h:x", "redis://:hunter2@h/x", "redis://:hunter2@h?x=y", "redis://:hunter2@a,b", "redis://:hunter2/x@h",
		"redis://h:hunter2", "redis://:1/hunter2@h", "http://:hunter2@h", "u:hunter2@h", "redis://u:%zhunter2@h", "redis://h/hunter2@",
		"redis://:hunter2@", "redis://h?password=hunter2", "redis://h?db=hunter2", "redis://h?hunter2", "unix://:hunter2@x/s",
	} {
		for from, err := range map[string]error{
			"flag":     loadError([]string{"--redis", raw}, nil),
			"twice":    loadError([]string{"--redis", "redis://h", "--redis", raw}, nil),
			"env":      loadError(nil, map[string]string{"REDIS_URL": raw}),
			"file":     loadError([]string{"--config", file(t, "redis: '"+raw+"'\n")}, nil),
			"argument": loadError([]string{raw}, nil),
			"one dash": loadError([]string{"-redis=" + raw}, nil),
			"key":      loadError([]string{"--config", file(t, "'"+raw+"': x\n")}, nil),
		} {
			refusesWithout(t, from+" "+raw, err)
		}
	}
	describesWithout(t, "redis://u:"+secret+"@h")
}

// secret is what no message holds.
const secret = "hunter2"

func refusesWithout(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
	} else if strings.Contains(err.Error(), secret) {
		t.Errorf("%s: the password is in: %v", what, err)
	}
}

func describesWithout(t *testing.T, redis string) {
	t.Helper()
	c, err := Load([]string{"--redis", redis}, environ(nil))
	if err != nil || strings.Contains(c.Describe(), secret) {
		t.Errorf("the password is in, or %v:\n%s", err, c.Describe())
	}
}

func loadError(args []string, env map[string]string) error {
	_, err := Load(args, environ(env))
	return err
}

// Every option that go-redis takes is known, so that it can be shown.
func TestURLOptionsAreThoseOfGoRedis(t *testing.T) {
	for _, name := range urlOptions {
		if _, err := ParseRedis("rediss://h?" + name + "=1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
