package sentinel

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Times of the watch.
const (
	minRewatch = 100 * time.Millisecond // before a Sentinel that went is listened to again
	maxRewatch = 5 * time.Second
	quiet      = 10 * time.Second // after which a silent Sentinel is asked whether it is there
)

// The channels on which a Sentinel says that a master has moved: switched when it
// has taken that over, promoted, of the one that leads the failover, as soon as
// there is another master, while the former one may still take writes.
const (
	switched = "+switch-master"                // name, and addresses
	promoted = "+failover-state-reconf-slaves" // "master", name, and address
)

// watch listens to one of the Sentinels until the end.
func (m *Master) watch(from int) {
	for pause := minRewatch; m.ctx.Err() == nil; pause = min(2*pause, maxRewatch) {
		if m.listen(from) {
			pause = minRewatch
		}
		timer := time.NewTimer(jittered(pause))
		select {
		case <-timer.C:
		case <-m.ctx.Done():
		}
		timer.Stop()
	}
}

// listen listens to a Sentinel until that is of no use any more, and reports
// whether it ever was.
func (m *Master) listen(from int) (heard bool) {
	client := redis.NewSentinelClient(m.sentinelOptions(m.opts.Addrs[from]))
	defer client.Close()
	sub := client.Subscribe(m.ctx, switched, promoted)
	defer sub.Close()
	// A receive that waits for ever holds up the end otherwise.
	stop := context.AfterFunc(m.ctx, func() { sub.Close() })
	defer stop()
	asked := false // whether it is there, without an answer so far
	for {
		limit := quiet
		if !heard || asked {
			limit = askWithin
		}
		got, err := sub.ReceiveTimeout(m.ctx, limit)
		if timeout(err) && heard && !asked {
			asked = true
			if sub.Ping(m.ctx) != nil {
				return heard
			}
			continue
		}
		if err != nil {
			return heard
		}
		asked = false
		switch msg := got.(type) {
		case *redis.Subscription:
			if !heard {
				m.refresh() // it may have moved while nobody listened
			}
			heard = true
		case *redis.Message:
			if name, _, _ := strings.Cut(strings.TrimPrefix(msg.Payload, "master "), " "); name == m.opts.Master {
				m.askFirst(from)
				m.refresh()
			}
		}
	}
}

// askFirst has a Sentinel asked before the others.
func (m *Master) askFirst(from int) {
	m.mu.Lock()
	m.first = from
	m.mu.Unlock()
}

// refresh finds out where the master is now.
func (m *Master) refresh() {
	m.mu.Lock()
	q := m.asking
	m.mu.Unlock()
	if q != nil { // what it hears may be from before
		<-q.done
	}
	m.doubt("")
	_, _ = m.address(m.ctx) // its failure is logged, and the next connection asks again
}

func timeout(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}
