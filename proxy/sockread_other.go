//go:build !unix

package proxy

import (
	"errors"
	"net"
	"syscall"
)

// sockReader reads from a connection; see the unix version for what it saves there.
type sockReader struct {
	conn  net.Conn
	space func() []byte
	raw   syscall.RawConn // nil: what needs it is not done here
}

// peek and writeNow: see the unix version.
func (r *sockReader) peek() peerState                { return peerQuiet }
func (r *sockReader) writeNow(p []byte) (int, error) { return 0, errors.ErrUnsupported }

func newSockReader(conn net.Conn, space func() []byte, _ func()) *sockReader {
	return &sockReader{conn: conn, space: space}
}

func (r *sockReader) read() (int, error) {
	n, err := r.conn.Read(r.space())
	if n > 0 {
		return n, nil
	}
	return 0, err
}

const canReadNow = false

func waitReadable(syscall.RawConn) error            { return errors.ErrUnsupported }
func readNow(syscall.RawConn, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func writeNow(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }

// peerState is what is known of the other side without reading from it.
type peerState uint8

const (
	peerQuiet peerState = iota
	peerSent
	peerGone
)

// peek knows nothing here.
func peek(net.Conn) peerState { return peerQuiet }
