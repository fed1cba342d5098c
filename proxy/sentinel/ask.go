package sentinel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// unknownEpoch is the age of a configuration that a Sentinel does not tell.
const unknownEpoch = -1

// question is one question to the Sentinels that several may wait for.
type question struct {
	done chan struct{}
	// done's closing makes these readable.
	addr string
	err  error
}

// answer is what a Sentinel says: the master's address, and the number of the
// configuration that made it one, which grows with every failover.
type answer struct {
	from  int // the Sentinel
	addr  string
	epoch int64
}

// address returns the master's address, asking the Sentinels where the last
// answer is too old. Whoever asks meanwhile waits for the same answer.
func (m *Master) address(ctx context.Context) (string, error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return "", ErrClosed
	}
	if m.addr != "" && time.Now().Before(m.freshTo) {
		defer m.mu.Unlock()
		return m.addr, nil
	}
	q := m.asking
	if q == nil {
		q = &question{done: make(chan struct{})}
		m.asking = q
		wait := time.Until(m.askedAt.Add(jittered(askPause)))
		m.running.Go(func() { m.ask(q, wait) })
	}
	m.mu.Unlock()
	select {
	case <-q.done:
		return q.addr, q.err
	case <-ctx.Done():
		return "", fmt.Errorf("sentinel: no answer yet: %w", ctx.Err())
	}
}

// ask puts a question to the Sentinels, after a wait, and takes over the answer.
func (m *Master) ask(q *question, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.ctx.Done():
	}
	m.mu.Lock()
	m.askedAt = time.Now()
	first, known := m.first, m.epoch
	m.mu.Unlock()
	got, err := m.poll(first, known)
	m.mu.Lock()
	m.asking = nil
	var former []*conn
	if err == nil {
		former = m.learnLocked(got)
	}
	m.tellSilenceLocked(err)
	m.mu.Unlock()
	for _, c := range former {
		c.Close()
	}
	q.addr, q.err = got.addr, err
	close(q.done)
}

// poll asks one Sentinel after the other, the first one first, until one names
// the master. Answers with an older configuration than the known one come from
// Sentinels that were cut off; only when most say the same were they reset.
func (m *Master) poll(first int, known int64) (answer, error) {
	var failed []string
	var behind []answer
	for i := range m.opts.Addrs {
		from := (first + i) % len(m.opts.Addrs)
		got, err := m.askOne(from)
		switch {
		case m.ctx.Err() != nil:
			return answer{}, ErrClosed
		case err != nil:
			failed = append(failed, fmt.Sprintf("%s: %v", m.opts.Addrs[from], err))
		case known != unknownEpoch && got.epoch != unknownEpoch && got.epoch < known:
			behind = append(behind, got)
		default:
			return got, nil
		}
	}
	if 2*len(behind) > len(m.opts.Addrs) {
		latest := behind[0]
		for _, got := range behind[1:] {
			if got.epoch > latest.epoch {
				latest = got
			}
		}
		return latest, nil
	}
	for _, got := range behind {
		failed = append(failed, m.opts.Addrs[got.from]+": it does not know of the last failover")
	}
	return answer{}, fmt.Errorf("sentinel: no Sentinel names the master %s: %s", m.opts.Master, strings.Join(failed, "; "))
}

// askOne asks one Sentinel. The configuration's number first: should the master
// move in between, the new one is asked for again rather than the old one taken
// for new.
func (m *Master) askOne(from int) (answer, error) {
	ctx, cancel := context.WithTimeout(m.ctx, askWithin)
	defer cancel()
	client := redis.NewSentinelClient(m.sentinelOptions(m.opts.Addrs[from]))
	defer client.Close()
	got := answer{from: from, epoch: unknownEpoch}
	state, err := client.Master(ctx, m.opts.Master).Result()
	if err == nil {
		if epoch, err := strconv.ParseInt(state["config-epoch"], 10, 64); err == nil {
			got.epoch = epoch
		}
	} else if !redis.HasErrorPrefix(err, "NOPERM") {
		return answer{}, err
	}
	addr, err := client.GetMasterAddrByName(ctx, m.opts.Master).Result()
	switch {
	case err != nil:
		return answer{}, err
	case len(addr) != 2:
		return answer{}, fmt.Errorf("sentinel: an address of %d words", len(addr))
	}
	got.addr = net.JoinHostPort(addr[0], addr[1])
	return got, nil
}

// learnLocked takes over an answer and returns the connections to a former
// master, which the caller closes.
func (m *Master) learnLocked(got answer) (former []*conn) {
	m.first, m.freshTo = got.from, time.Now().Add(cacheFor)
	if got.epoch != unknownEpoch {
		m.epoch = got.epoch
	}
	if got.addr == m.addr {
		return nil
	}
	if m.addr == "" {
		m.log.Info("Sentinel names the master", "master", m.opts.Master, "addr", got.addr)
	} else {
		former = m.connsLocked(got.addr)
		m.log.Warn("the master has moved", "master", m.opts.Master, "from", m.addr, "to", got.addr, "connections closed", len(former))
	}
	m.addr = got.addr
	return former
}

// tellSilenceLocked says once that no Sentinel answers, and once that one does.
func (m *Master) tellSilenceLocked(err error) {
	switch {
	case errors.Is(err, ErrClosed):
	case err != nil && !m.silent:
		m.silent = true
		m.log.Warn("cannot find the master; open connections stay", "error", err.Error())
	case err == nil && m.silent:
		m.silent = false
		m.log.Info("Sentinel answers again", "addr", m.addr)
	}
}

// sentinelOptions are those of a client of one Sentinel. go-redis changes them.
// The pool is bigger than it need be: after as many failures as it has places
// go-redis goes on dialling in the background, also when the client is closed.
func (m *Master) sentinelOptions(addr string) *redis.Options {
	o := &redis.Options{
		Addr: addr, Username: m.opts.Username, Password: m.opts.Password,
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, PoolSize: 100,
		DialTimeout: askWithin, DialerRetries: 1, ReadTimeout: askWithin, WriteTimeout: askWithin,
		ContextTimeoutEnabled:    true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if m.opts.TLS != nil {
		o.TLSConfig = m.opts.TLS.Clone()
		if o.TLSConfig.ServerName == "" {
			o.TLSConfig.ServerName, _, _ = net.SplitHostPort(addr)
		}
	}
	return o
}
