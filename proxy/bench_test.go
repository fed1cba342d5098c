package proxy

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// BenchmarkMemory is what the session itself takes for a command that is answered from
// memory, in pipelines of so many, without the sockets: command/pipeline.
func BenchmarkMemory(b *testing.B) {
	for _, cmd := range []struct {
		name  string
		words []string
	}{
		{"INCR", []string{"INCR", "counter:000000000001"}},
		{"GET", []string{"GET", "counter:000000000001"}},
		{"DKC.INC", []string{"DKC.INC", "counter:000000000001"}},
		{"DK.INC", []string{"DK.INC", "counter:000000000001"}},
	} {
		for _, pipeline := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", cmd.name, pipeline), func(b *testing.B) { serveForBench(b, appendCommand(nil, cmd.words...), pipeline) })
		}
	}
}

func serveForBench(b *testing.B, raw []byte, pipeline int) {
	srv := laxServerForBench(b)
	conn := &benchConn{raw: repeat(raw, pipeline)}
	c := srv.admit(conn)
	defer srv.wg.Done()
	defer c.drop()
	defer c.Close()
	s := c.session.(*session)
	turn := func() int {
		batch, err := c.next()
		if err != nil {
			b.Fatal(err)
		}
		n := len(batch)
		s.serve(batch)
		return n
	}
	turn()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += turn() {
	}
}

func repeat(p []byte, n int) (all []byte) {
	for range n {
		all = append(all, p...)
	}
	return all
}

// laxServerForBench counts every ordinary key, which stays fresh for the time of the benchmark.
func laxServerForBench(b *testing.B) *Server {
	emb := testEmbedded(b)
	e, err := engine.New(engine.Options{Redis: emb.RedisOptions(), InstanceID: "bench", Lax: []engine.Pattern{{Glob: "counter:*"}}, AllowedLag: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	srv, err := New(Options{Engine: e, Redis: emb.RedisOptions(), Embedded: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			b.Error(err)
		}
		if _, err := e.Close(ctx); err != nil {
			b.Error(err)
		}
	})
	return srv
}

// benchConn is a client that sends the same again and again and ignores the replies.
type benchConn struct {
	net.Conn
	raw []byte
	at  int
}

func (c *benchConn) Read(p []byte) (int, error) {
	n := copy(p, c.raw[c.at:])
	c.at = (c.at + n) % len(c.raw)
	return n, nil
}

func (c *benchConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c *benchConn) Close() error                     { return nil }
func (c *benchConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *benchConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *benchConn) SetReadDeadline(time.Time) error  { return nil }
func (c *benchConn) SetWriteDeadline(time.Time) error { return nil }
