package admin

import (
	"context"
	"errors"
	"sync"
	"time"
)

// contactFor is how long an answer about Redis stands: probes from many sides
// cost Redis one command in this time.
const contactFor = time.Second

// askLimit is how long a probe waits for an answer about Redis. Command-timeout
// bounds it too, but may be minutes.
const askLimit = 5 * time.Second

var errNoAnswer = errors.New("no answer in " + askLimit.String())

// contact is what is known about Redis. It asks once for all who want to know
// at the same time. Make one with newContact. Safe for concurrent use.
type contact struct {
	ctx    context.Context // ends what is being asked
	cancel context.CancelFunc
	asks   sync.WaitGroup // not added to once ctx has ended

	mu sync.Mutex
	// mu guards the following fields, and is never held while Redis is asked.
	asking chan struct{} // closed at the answer; nil: nobody asks
	known  bool
	err    error // the last answer
	at     time.Time
}

func newContact() *contact {
	ctx, cancel := context.WithCancel(context.Background())
	return &contact{ctx: ctx, cancel: cancel}
}

// ask tells whether Redis can be reached, by an answer of the last second or a
// new one. It waits for reach, but no longer than askLimit and
// than ctx allows. After stop it asks nobody.
func (c *contact) ask(ctx context.Context, reach func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askLimit, errNoAnswer)
	defer cancel()
	c.mu.Lock()
	if c.asking == nil {
		if err := c.ctx.Err(); err != nil {
			defer c.mu.Unlock()
			return err
		}
		if c.known && time.Since(c.at) < contactFor {
			defer c.mu.Unlock()
			return c.err
		}
		c.asking = make(chan struct{})
		c.asks.Go(func() { c.answered(reach(c.ctx)) })
	}
	answer := c.asking
	c.mu.Unlock()
	select {
	case <-answer:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *contact) answered(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.asking)
	c.asking, c.known, c.err, c.at = nil, true, err, time.Now()
}

// stop ends what is being asked.
func (c *contact) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel()
}

// wait waits, after stop, until nobody asks, or ctx is done.
func (c *contact) wait(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		c.asks.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
