package conf

import (
	"errors"
	"fmt"
	"testing"
)

func TestParseSentinels(t *testing.T) {
	for raw, want := range map[string]string{
		"redis+sentinel://h/mymaster":                                                     "[h:26379] mymaster   0  ",
		"redis-sentinel://h/mymaster/":                                                    "[h:26379] mymaster   0  ",
		"REDIS+SENTINEL://a:1,b,[::1]:3,[::2]/m.1_a-b/2":                                  "[a:1 b:26379 [::1]:3 [::2]:26379] m.1_a-b   2  ",
		"redis+sentinel://u:p%2Fw@a:1,b:2/m/3?sentinel_username=s":                        "",
		"redis+sentinel://u:p%2Fw@a:1,b:2/m/3?sentinel_password=q%26":                     "[a:1 b:2] m  q& 3 u p/w",
		"redis+sentinel://:p@a/m?sentinel_username=s&sentinel_password=q&dial_timeout=2s": "[a:26379] m s q 0  p",
	} {
		s, err := ParseSentinels(raw)
		if want == "" {
			if !errors.Is(err, errSentinelOwner) {
				t.Errorf("%s: %v, want %v", raw, err, errSentinelOwner)
			}
			continue
		}
		o, err2 := ParseRedis(raw)
		if err != nil || err2 != nil {
			t.Errorf("%s: %v, %v", raw, err, err2)
			continue
		}
		if o.TLSConfig != nil || o.Addr != s.Master {
			t.Errorf("%s: TLS %v, address %q", raw, o.TLSConfig != nil, o.Addr)
		}
		if got := fmt.Sprint(s.Addrs, " ", s.Master, " ", s.Username, " ", s.Password, " ", o.DB, " ", o.Username, " ", o.Password); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
	for raw, skip := range map[string]bool{"rediss+sentinel://h/m": false, "rediss-sentinel://h/m?skip_verify=true": true} {
		o, err := ParseRedis(raw)
		if err != nil || o.TLSConfig == nil || o.TLSConfig.ServerName != "" || o.TLSConfig.InsecureSkipVerify != skip {
			t.Errorf("%s: got %+v, %v; want TLS for whatever host", raw, o, err)
		}
	}
	for _, raw := range []string{"redis://h", "rediss://h", "unix:///s"} {
		if s, err := ParseSentinels(raw); s != nil || err != nil {
			t.Errorf("%s: got %v, %v", raw, s, err)
		}
	}
}

func TestParseSentinelsRefuses(t *testing.T) {
	for raw, want := range map[string]error{
		"redis+sentinel://h":                 errMaster,
		"redis+sentinel://h/":                errMaster,
		"redis+sentinel://h?db=1":            errMaster,
		"redis+sentinel://h//1":              errMaster,
		"redis+sentinel://h/m m":             errMasterName,
		"redis+sentinel://h/m/1/2":           errSentinelPath,
		"redis+sentinel://h/m/x":             errDB,
		"redis+sentinel://h/m/-1":            errDB,
		"redis+sentinel:///m":                errURLHost,
		"redis+sentinel://a,/m":              errURLHost,
		"redis+sentinel://a,:1/m":            errURLHost,
		"redis+sentinel://a:0/m":             errURLPort,
		"redis+sentinel://a:/m":              errURLPort,
		"redis+sentinel://a:x,b/m":           errURLPort,
		"redis+sentinel://a b/m":             errURLPort,
		"redis+sentinel://:12/secret@h/m":    errURLPassword,
		"redis+sentinel://:se#cret@h/m":      errFragment,
		"redis+sentinel://:%zz@h/m":          errNotURL,
		"redis+sentinel://h/m?x=%zz":         errNotURL,
		"redis+sentinel://h/m?master_name=m": errTopology,
		"unix+sentinel://h/m":                errTopology,
		"redis://h:26379,i:26379/m":          errTopology,
	} {
		if _, err := ParseRedis(raw); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", raw, err, want)
		}
	}
}

func TestRedactSentinels(t *testing.T) {
	for raw, want := range map[string]string{
		"redis+sentinel://a:1,b:2/m/3":                                        "redis+sentinel://a:1,b:2/m/3",
		"redis+sentinel://u:secret@a:1,b,[::1]:3/m":                           "redis+sentinel://u:***@a:1,b,[::1]:3/m",
		"rediss+sentinel://:secret@a/m":                                       "rediss+sentinel://:***@a/m",
		"redis-sentinel://secret@a,b/m":                                       "redis-sentinel://***@a,b/m",
		"redis+sentinel://a,b/m?sentinel_username=s&sentinel_password=secret": "redis+sentinel://a,b/m?sentinel_username=***&sentinel_password=***",
		"redis+sentinel://a,b/m?dial_timeout=2s&secret=1":                     "redis+sentinel://a,b/m?dial_timeout=2s&***",
		"redis+sentinel://a:secret,b/m":                                       "redis+sentinel://a:***",
		"redis+sentinel://u:12,secret@a/m@x":                                  "redis+sentinel://***",
		"redis+sentinel://:se/cret@a,b/m":                                     "redis+sentinel://***",
		"redis+sentinel://:se#cret@a,b/m":                                     "redis+sentinel://***",
		"redis+sentinel://:%zzsecret@a,b/m":                                   "redis+sentinel://***",
		"redis+sentinel://:sec?ret@a,b/m":                                     "redis+sentinel://***",
	} {
		if got := Redact(raw); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

func TestNoMessageHoldsThePasswordOfSentinels(t *testing.T) {
	for _, raw := range []string{
		"redis+sentinel://:hunter2@a,b", "redis+sentinel://a,b/m?sentinel_password=hunter2&x=y", "redis+sentinel://:hunter2@a:x/m",
		"redis+sentinel://a:hunter2,b/m", "redis+sentinel://:1/hunter2@a/m", "redis+sentinel://:%zhunter2@a/m", "redis+sentinel://:hunter2@a/m/x",
		"redis+sentinel://a/m?sentinel_username=hunter2", "redis+sentinel://a/m/hunter2@",
	} {
		for from, err := range map[string]error{
			"flag": loadError([]string{"--redis", raw}, nil),
			"env":  loadError(nil, map[string]string{"REDIS_URL": raw}),
			"file": loadError([]string{"--config", file(t, "redis: '"+raw+"'\n")}, nil),
		} {
			refusesWithout(t, from+" "+raw, err)
		}
	}
	describesWithout(t, "redis+sentinel://u:"+secret+"@a,b/m?sentinel_password="+secret)
}
