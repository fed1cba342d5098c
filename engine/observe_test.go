package engine

import (
	"testing"

	"github.com/distkit/distkit-proxy/engine/hot"
)

// An observer's patterns are globs of Redis', which no library has: a / is a
// byte like others, and ^ negates a class.
func TestObserverHasRedisGlobs(t *testing.T) {
	o := NewObserver(hot.Options{Patterns: []hot.Pattern{{Glob: "a*[^b]"}}})
	for key, want := range map[string]uint64{"a/x/c": 1, "a/b": 0, "ac": 1, "c": 0} {
		before := o.Sums()[0].Holds
		o.See(0, hot.Hold, []byte(key))
		if got := o.Sums()[0].Holds - before; got != want {
			t.Errorf("%s: counted %d times, want %d", key, got, want)
		}
	}
	if e := (&Engine{opts: Options{Observer: o}}); e.Observer() != o {
		t.Error("the engine has another observer")
	}
}
