package proxy

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/engine/journal"
)

// watchedFiles are a journal's files that count writes, can hold them up, and can be full.
type watchedFiles struct {
	writes atomic.Int64
	full   atomic.Bool
	gate   atomic.Pointer[chan struct{}]
}

type watchedFile struct {
	*os.File
	of *watchedFiles
}

func (w *watchedFiles) create(path string) (journal.File, error) {
	if w.full.Load() {
		return nil, errors.New("no space left on device")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return &watchedFile{f, w}, err
}

func (f *watchedFile) Write(p []byte) (int, error) {
	f.of.writes.Add(1)
	if gate := f.of.gate.Load(); gate != nil {
		<-*gate
	}
	if f.of.full.Load() {
		return 0, errors.New("no space left on device")
	}
	return f.File.Write(p)
}

// newKeptRig is a server with a journal, whose counters a and b are in memory and which
// flushes nothing by itself: what is written then is written for a reply.
func newKeptRig(t *testing.T) (*rig, *watchedFiles) {
	t.Helper()
	files := new(watchedFiles)
	emb := testEmbedded(t)
	e, err := engine.New(engine.Options{
		Redis: emb.RedisOptions(), InstanceID: "test", Journal: t.TempDir(), JournalFiles: files.create,
		FlushInterval: time.Minute, AllowedLag: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		e.Close(ctx)
	})
	r := newRig(t, func(o *Options) { o.Engine = e })
	c := r.client()
	c.send("DK.INC a", "DKC.INC a", "DK.FLUSH")
	c.expect("*2", ":1", ":1", ":1", ":2")
	eventually(t, "the first segment is whole: nothing more is written for it", func() bool {
		return e.Stats().Journaled && e.Stats().Journal.Segments == 1
	})
	return r, files
}

// No reply that tells of a change leaves before the journal has it, and replies that
// tell of none wait for nothing.
func TestRepliesWaitForTheJournal(t *testing.T) {
	r, files := newKeptRig(t)
	c := r.client()
	for _, tc := range []struct {
		send   string
		reply  []string
		writes bool
	}{
		{"DK.INC a", []string{"*2", ":2", ":2"}, true},
		{"DKC.INC a 5", []string{":6"}, true},
		{"DKC.DEC a", []string{":5"}, true},
		{"DK.SETI a 10", []string{"*2", ":10", ":10"}, true},
		{"DKC.MINC a 1 a 2", []string{"*2", ":6", ":8"}, true},
		{"DKC.GET a", []string{":8"}, false},
		{"DKC.INC a 1 IF LT 0", []string{"*3", ":0", ":8", ":8"}, false},
		{"DKC.INC a 0", []string{":8"}, false},
	} {
		before := files.writes.Load()
		c.send(tc.send)
		c.expect(tc.reply...)
		if wrote := files.writes.Load() > before; wrote != tc.writes {
			t.Errorf("%s: written before the reply: %v", tc.send, wrote)
		}
	}
	before := files.writes.Load()
	c.send("DKC.INC a", "DKC.INC a", "DKC.INC a", "DKC.INC a")
	c.expect(":9", ":10", ":11", ":12")
	if n := files.writes.Load() - before; n < 1 || n > 2 {
		t.Errorf("%d writes for a pipeline of 4", n)
	}
}

// While a write is under way the reply waits, and others are served.
func TestReplyWaitsForAWriteUnderWay(t *testing.T) {
	r, files := newKeptRig(t)
	gate := make(chan struct{})
	files.gate.Store(&gate)
	c, other := r.client(), r.client()
	before := files.writes.Load()
	c.send("DKC.INC a")
	eventually(t, "a write begins", func() bool { return files.writes.Load() != before })
	other.send("DKC.GET a")
	other.expect(":2")
	c.silent()
	files.gate.Store(nil)
	close(gate)
	c.expect(":2")
}

// Where our commands take turns with what Redis says the same goes.
func TestPumpedRepliesWaitForTheJournal(t *testing.T) {
	r, files := newKeptRig(t)
	c := r.client()
	c.send("MONITOR", "DKC.INC a")
	up := r.redis.accept()
	up.gets("MONITOR", "PING "+mark(1))
	before := files.writes.Load()
	up.send("+OK", "$"+strconv.Itoa(len(mark(1))), mark(1))
	c.expect("+OK", ":2")
	if files.writes.Load() == before {
		t.Error("nothing was written before the reply")
	}
}

// When the journal cannot be written whoever has just counted is closed, as nobody
// knows what becomes of it; from then on increments are refused, and the rest is served.
func TestJournalThatCannotBeWritten(t *testing.T) {
	r, files := newKeptRig(t)
	c, other := r.client(), r.client()
	files.full.Store(true)
	c.send("DKC.INC a")
	c.ends()
	other.send("DKC.INC a", "DK.SETI a 1", "DKC.GET a", "DKC.SET a 7", "DKC.DEL a", "DKCS.INC b", "DKC.INC a")
	other.expect("-"+engine.ErrUnkept.Error(), "-"+engine.ErrUnkept.Error(), ":2", ":7", ":7", ":1", "-"+engine.ErrUnkept.Error())
	if st := r.srv.Stats().Engine.Journal; !st.Failing || st.Failures != 1 {
		t.Errorf("%+v", st)
	}
	files.full.Store(false)
	eventually(t, "the journal is mended", func() bool { return !r.srv.Stats().Engine.Journal.Failing })
	other.send("DKC.INC a")
	other.expect(":1")
}
