// Package loopback is what tests and checkers need on 127.0.0.1: addresses for
// servers of their own, and links to servers that can be made faulty.
package loopback

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
)

// ports numbers the ports that FreeAddr has given out.
var ports atomic.Int32

// FreeAddr returns an address of 127.0.0.1 that nobody listens on. Its port is
// below those that the system hands to outgoing connections, so that none of
// them takes it before the server does, nor while the server is restarted.
func FreeAddr() (string, error) {
	for range 1000 {
		port := 10_000 + (os.Getpid()*101+int(ports.Add(1)))%22_000
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer ln.Close()
		return ln.Addr().String(), nil
	}
	return "", errors.New("loopback: no free port")
}
