package proxy_test

import (
	"context"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy"
)

func ExampleServer() {
	ctx := context.Background()
	emb, err := proxy.NewEmbedded(nil) // or redis.ParseURL for a real Redis
	if err != nil {
		panic(err)
	}
	defer emb.Close()
	eng, err := engine.New(engine.Options{Redis: emb.RedisOptions(), InstanceID: "example"})
	if err != nil {
		panic(err)
	}
	defer eng.Close(ctx)
	srv, err := proxy.New(proxy.Options{Engine: eng, Redis: emb.RedisOptions(), Embedded: true})
	if err != nil {
		panic(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go srv.Serve(ln)
	defer srv.Shutdown(ctx)

	client := redis.NewClient(&redis.Options{Addr: ln.Addr().String()})
	defer client.Close()
	fmt.Println(client.Set(ctx, "greeting", "hello", 0).Val(), client.Do(ctx, "DKC.INC", "views", 3).Val())
	// Output: OK 3
}
