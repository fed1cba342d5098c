package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// masterName is what the Sentinels call the master.
const masterName = "mymaster"

// sentinel is a master, a replica, three Sentinels, and proxies that ask these.
func sentinel(ctx context.Context, f *field, binary string, proxies int) error {
	f.canLose = true
	f.clock, f.noClock = nil, errors.New("the Sentinels go by it, too")
	for i := range 2 {
		extra := []string{"repl-diskless-sync-delay 0", "repl-timeout 5"}
		if i > 0 {
			host, port, _ := net.SplitHostPort(f.redis[0].addr)
			extra = append(extra, fmt.Sprintf("replicaof %s %s", host, port))
		}
		r, err := newRedis(ctx, f.dir, fmt.Sprintf("redis%d", i), nil, extra...)
		if r != nil {
			f.redis = append(f.redis, r)
		}
		if err != nil {
			return err
		}
	}
	var addrs []string
	for i := range 3 {
		s, err := newSentinel(ctx, f.dir, i, f.redis[0].addr)
		if s != nil {
			f.sentinels = append(f.sentinels, s)
		}
		if err != nil {
			return err
		}
		addrs = append(addrs, s.addr)
	}
	for place := range proxies {
		p, err := newProxy(f.dir, binary, place, nil,
			"--redis", "redis+sentinel://"+strings.Join(addrs, ",")+"/"+masterName, "--wait-replicas", "1")
		if err != nil {
			return err
		}
		f.proxies = append(f.proxies, p)
	}
	return f.settled(ctx)
}

// newSentinel starts a Sentinel that is quick to take a master for dead.
func newSentinel(ctx context.Context, dir string, i int, master string) (*redisServer, error) {
	host, port, _ := net.SplitHostPort(master)
	return newServer(ctx, dir, fmt.Sprint("sentinel", i), nil, []string{
		fmt.Sprintf("sentinel monitor %s %s %s 2", masterName, host, port),
		fmt.Sprintf("sentinel down-after-milliseconds %s 1000", masterName),
		fmt.Sprintf("sentinel failover-timeout %s 3000", masterName),
	}, "--sentinel")
}

// elected is the master by the first Sentinel that answers.
func (f *field) elected(ctx context.Context) (*redisServer, error) {
	for _, s := range f.sentinels {
		words, err := s.admin.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName).StringSlice()
		if err != nil || len(words) != 2 {
			continue
		}
		for _, r := range f.redis {
			if r.addr == net.JoinHostPort(words[0], words[1]) {
				return r, nil
			}
		}
	}
	return nil, errors.New("none of the Sentinels names a master")
}

// settled waits until one Redis is the master for all Sentinels and itself, and
// the others are its replicas and have what it has.
func (f *field) settled(ctx context.Context) error {
	return poll(ctx, 60*time.Second, func() error {
		master, err := f.elected(ctx)
		if err != nil {
			return err
		}
		text, err := master.admin.Info(ctx, "replication").Result()
		if err != nil {
			return err
		}
		if !strings.Contains(text, "role:master") || strings.Count(text, "state=online") != len(f.redis)-1 {
			return fmt.Errorf("%s is not the master of %d replicas yet", master.name, len(f.redis)-1)
		}
		for _, s := range f.sentinels {
			words, err := s.admin.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName).StringSlice()
			if err != nil {
				return err
			}
			if len(words) != 2 || net.JoinHostPort(words[0], words[1]) != master.addr {
				return fmt.Errorf("%s names another master", s.name)
			}
		}
		return nil
	})
}
