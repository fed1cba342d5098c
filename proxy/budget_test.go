package proxy

// noSession is the session of a clientConn that is tested alone.
type noSession struct{}

func (noSession) flush() error            { return nil }
func (noSession) violation(protocolError) {}
func (noSession) panicked(any)            {}
func (noSession) quiet() bool             { return false }
func (noSession) stranger() bool          { return false }
func (noSession) footprint() int          { return 0 }
