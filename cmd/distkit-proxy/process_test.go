package main

import (
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/conf"
	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy"
)

func TestDefaultsAgreeWithTheParts(t *testing.T) {
	c := conf.Default()
	if !slices.Equal(c.Deny, proxy.DefaultDeny) {
		t.Errorf("deny %v, the proxy's own default is %v", c.Deny, proxy.DefaultDeny)
	}
	if c.MaxClients != proxy.DefaultMaxClients {
		t.Errorf("max-clients %d, the proxy's own default is %d", c.MaxClients, proxy.DefaultMaxClients)
	}
	if int64(c.MaxClientMemory) != proxy.DefaultClientMemory {
		t.Errorf("max-client-memory %d, the proxy's own default is %d", c.MaxClientMemory, proxy.DefaultClientMemory)
	}
	if c.ShareFrom != proxy.DefaultShareFrom {
		t.Errorf("share-from %d, the proxy's own default is %d", c.ShareFrom, proxy.DefaultShareFrom)
	}
	if c.Namespace != engine.DefaultNamespace {
		t.Errorf("namespace %q, the engine's own default is %q", c.Namespace, engine.DefaultNamespace)
	}
}

// Every field of the parts' options is wired: with no setting at zero, no
// field but the excepted ones is.
func TestEverySettingReachesItsPart(t *testing.T) {
	c := conf.Default()
	c.InstanceID, c.MaxPendingAge, c.IdleTimeout, c.WaitReplicas = "me", time.Hour, time.Hour, 1
	c.Lax = []conf.LaxPattern{{Glob: "x"}}
	c.InstanceChosen, c.Journal, c.JournalSync = true, "dir", "always"
	log := slog.New(slog.DiscardHandler)
	wantNoZero(t, engineOptions(c, &redis.Options{}, log), "IdleAfter", "RareFrom", "Observer", "JournalFiles")
	c.Observe = true // instead of counting
	wantNoZero(t, engineOptions(c, &redis.Options{}, log), "IdleAfter", "RareFrom", "Lax", "JournalFiles")
	wantNoZero(t, proxyOptions(c, &redis.Options{}, &engine.Engine{}, log), "TLS") // TestTLS
	wantNoZero(t, proxyOptions(c, &redis.Options{}, &engine.Engine{}, log).Limits)
}

func TestDenyNothingIsNotTheDefault(t *testing.T) {
	c := conf.Default()
	c.Deny = nil
	if got := proxyOptions(c, nil, nil, nil).Deny; got == nil || len(got) > 0 {
		t.Errorf("deny %#v, want an empty list that is not nil", got)
	}
}

func TestOtherSettingsThanRecordedStopTheStart(t *testing.T) {
	emb, err := proxy.NewEmbedded(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer emb.Close()
	for _, tc := range []struct {
		partitions int
		want       string
	}{
		{1, ""},
		{1, ""},
		{2, "namespace distkit is recorded with 1 partitions in distkit:config, this proxy has --partitions 2"},
	} {
		eng, err := engine.New(engine.Options{Redis: emb.RedisOptions(), InstanceID: "me", Partitions: tc.partitions})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := check(t.Context(), eng, time.Second, slog.New(slog.DiscardHandler)); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%d partitions: got %q, want %q", tc.partitions, got, tc.want)
		}
		// The first use of a namespace records the settings.
		items := []engine.Item{{Key: engine.Key{Namespace: eng.DefaultNS(), Counter: []byte("c")}, N: 1}}
		eng.Inc(t.Context(), engine.LaxPlain, items, make([]engine.Result, 1))
		if _, err := eng.Close(t.Context()); err != nil && got == "" {
			t.Error(err)
		}
	}
}

func wantNoZero(t *testing.T, options any, except ...string) {
	t.Helper()
	v := reflect.ValueOf(options)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Type().Field(i).IsExported() && v.Field(i).IsZero() && !slices.Contains(except, name) {
			t.Errorf("%s.%s is not set from the configuration", v.Type(), name)
		}
	}
}
