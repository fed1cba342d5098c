package proxy

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"testing"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/proxy/hostile"
)

// fuzzLimits let small inputs reach every limit.
var fuzzLimits = Limits{MaxBulk: 1000, MaxArgs: 20, MaxQueryBuffer: 1500}

// longestSeed keeps the fuzzer from turning over megabytes.
const longestSeed = 2 << 10

func addRequests(f *testing.F, add func(in []byte)) {
	for _, in := range hostile.Requests() {
		if len(in.Bytes) <= longestSeed {
			add(in.Bytes)
		}
	}
}

// The framer hands out what a plain parser does, as canonical arrays.
func FuzzFramer(f *testing.F) {
	addRequests(f, func(in []byte) { f.Add(in) })
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, limits := range []Limits{fuzzLimits, {}} {
			framesAsReference(t, in, limits)
		}
	})
}

func framesAsReference(t *testing.T, in []byte, limits Limits) {
	t.Helper()
	reqs, err := frameIn(in, len(in)+1, limits)
	want, wantErr := refParse(in, limits)
	var got [][]string
	for _, req := range reqs {
		var args []string
		for _, a := range req.args {
			args = append(args, string(a))
		}
		got = append(got, args)
		if canonical := appendCommand(nil, args...); !bytes.Equal(req.raw, canonical) {
			t.Fatalf("%q is handed out as %q", args, req.raw)
		}
	}
	if !slices.EqualFunc(got, want, slices.Equal) || err != wantErr {
		t.Fatalf("%q and %q, want %q and %q", got, err, want, wantErr)
	}
}

// The same bytes are the same commands, however they come.
func FuzzSplit(f *testing.F) {
	addRequests(f, func(in []byte) { f.Add(in, []byte{1, 7}) })
	pool, seed := new(bufferPool), maphash.MakeSeed()
	f.Fuzz(func(t *testing.T, in, sizes []byte) {
		for _, limits := range []Limits{fuzzLimits, {}} {
			whole := newReading(limits, pool, seed)
			whole.feed(in)
			split := newReading(limits, pool, seed)
			for i, rest := 0, in; len(rest) > 0; i++ {
				n := len(rest)
				if len(sizes) > 0 {
					n = min(n, 1+int(sizes[i%len(sizes)]))
				}
				split.feed(rest[:n])
				rest = rest[n:]
			}
			split.same(t, whole, "split")
			split.check(t, "split")
			whole.fr.drop()
			split.fr.drop()
		}
	})
}

func FuzzInline(f *testing.F) {
	addRequests(f, func(in []byte) { f.Add(in) })
	f.Fuzz(func(t *testing.T, line []byte) {
		got, ok := splitInline(line)
		want, wantOK := refSplit(string(line))
		if ok != wantOK || ok && fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("%q %v, want %q %v", got, ok, want, wantOK)
		}
	})
}

// Where a reply ends does not depend on how it comes.
func FuzzReplyFramer(f *testing.F) {
	for _, in := range hostile.Replies() {
		if len(in.Bytes) <= longestSeed {
			f.Add(in.Bytes, uint8(1))
		}
	}
	for reply := range wholeReplies {
		f.Add([]byte(reply), uint8(2))
	}
	f.Add([]byte(">1\r\n+a\r\n*2\r\n:1\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		whole, wholeErr := replyEnds(in, len(in)+1)
		for _, step := range []int{1, int(cut) + 1} {
			split, splitErr := replyEnds(in, step)
			if whole != split || (wholeErr == nil) != (splitErr == nil) {
				t.Fatalf("in pieces of %d: %s %v, whole: %s %v", step, split, splitErr, whole, wholeErr)
			}
		}
	})
}

// Replies end where a plain parser has them end, and what that refuses is refused.
func FuzzReplies(f *testing.F) {
	for _, in := range hostile.Replies() {
		if len(in.Bytes) <= longestSeed {
			f.Add(in.Bytes)
		}
	}
	for reply := range wholeReplies {
		f.Add([]byte(reply + reply))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var fr replyFramer
		var ends []string
		var err error
		for at := 0; at < len(in) && err == nil; {
			var n int
			var done bool
			n, done, err = fr.scan(in[at:])
			if at += n; done {
				ends = append(ends, fmt.Sprintf("%d%c", at, fr.first))
				fr.reset()
			}
		}
		want, wantErr := refReplyEnds(in)
		if !slices.Equal(ends, want) || (err == nil) != (wantErr == nil) {
			t.Fatalf("%v and %v, want %v and %v", ends, err, want, wantErr)
		}
	})
}

// Whatever its arguments, a command of ours answers one value.
func FuzzCommands(f *testing.F) {
	for _, in := range hostile.Requests() {
		if len(in.Bytes) <= longestSeed && in.Differs != "" {
			if reqs, _ := frameIn(in.Bytes, len(in.Bytes)+1, Limits{}); len(reqs) > 0 {
				if cmd := commands.Lookup(reqs[0].args[0]); cmd != nil {
					f.Add(uint8(slices.Index(commands.All(), cmd)), bytes.Join(reqs[0].args[1:], []byte{'\n'}))
				}
			}
		}
	}
	for i := range commands.All() {
		f.Add(uint8(i), []byte("k\n1\nIF\nEQ\n0"))
	}
	eng := testEngine(f)
	f.Fuzz(func(t *testing.T, which uint8, words []byte) {
		cmd := commands.All()[int(which)%len(commands.All())]
		args := [][]byte{[]byte(cmd.Name())}
		if len(words) > 0 {
			args = append(args, bytes.Split(words, []byte{'\n'})...)
		}
		commands.Prefetch(eng, [][][]byte{args})
		reply := cmd.Run(t.Context(), eng, args).AppendTo(nil)
		var fr replyFramer
		if n, done, err := fr.scan(reply); n != len(reply) || !done || err != nil {
			t.Fatalf("%q: %q is not one reply: ends at %d, %v, %v", args, reply, n, done, err)
		}
		_ = getKeys(cmd, args, true)
	})
}
