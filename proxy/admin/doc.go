// Package admin tells operators how a proxy is, over HTTP: Prometheus metrics,
// whether the process lives, and whether it should be sent traffic.
//
//	a := admin.New(admin.Options{MaxPendingAge: 10 * time.Second})
//	go a.Serve(ln)
//	a.Attach(srv.Stats, eng.Reach) // before it, /readyz says "starting"
//	...
//	a.Drain()                      // from here on, /readyz says "draining"
//	a.Close()                      // the last thing that is closed
//
// It asks for no password, changes nothing, and logs no request.
package admin
