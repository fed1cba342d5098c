package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// books is what lies in Redis, read past all proxies. Missing fields are 0.
type books struct {
	totals map[account]int64 // by family and counter; the id is empty
	slices map[account]int64 // by instance, family and counter
	others []string          // "family instance" of instances that are not alive
}

// readBooks reads the counters of all namespaces; alive are the ids that are.
func readBooks(ctx context.Context, r *redisServer, namespaces, alive []string) (b books, err error) {
	b = books{totals: make(map[account]int64), slices: make(map[account]int64)}
	if err := readOrdinary(ctx, r, b.totals); err != nil {
		return b, err
	}
	for _, namespace := range namespaces {
		for _, f := range families {
			if err := readHash(ctx, r, totalsKey(namespace, f.prefix), account{family: f.prefix}, namespace, b.totals); err != nil {
				return b, err
			}
			if !aware(f.prefix) {
				continue
			}
			ids, err := r.admin.ZRange(ctx, containerKey(namespace, f.prefix, "instances"), 0, -1).Result()
			if err != nil {
				return b, err
			}
			for _, id := range ids {
				if !slices.Contains(alive, id) {
					b.others = append(b.others, namespace+" "+f.prefix+" "+id)
				}
			}
			for _, id := range alive {
				if err := readHash(ctx, r, containerKey(namespace, f.prefix, "count", id), account{id: id, family: f.prefix}, namespace, b.slices); err != nil {
					return b, err
				}
			}
		}
	}
	return b, nil
}

// readHash adds a hash of integers.
func readHash(ctx context.Context, r *redisServer, key string, a account, namespace string, into map[account]int64) error {
	fields, err := r.admin.HGetAll(ctx, key).Result()
	if err != nil {
		return err
	}
	for name, text := range fields {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s %s: %w", key, name, err)
		}
		a.counter = name
		if namespace != "distkit" {
			a.counter = namespace + ":" + name
		}
		into[a] = n
	}
	return nil
}

// buried reports whether something taken from an instance that is alive has
// not been moved back yet.
func (b books) buried(ctx context.Context, r *redisServer, namespaces, alive []string) (found []string, err error) {
	for _, namespace := range namespaces {
		for _, f := range families {
			if !aware(f.prefix) {
				continue
			}
			for _, id := range alive {
				key := containerKey(namespace, f.prefix, "buried", id)
				n, err := r.admin.Exists(ctx, key).Result()
				if err != nil {
					return nil, err
				}
				if n > 0 {
					found = append(found, key)
				}
			}
		}
	}
	return found, nil
}

// uneven are the counters whose total is not the sum of the slices of those alive.
func (b books) uneven() (found []account) {
	sums := make(map[account]int64)
	for a, n := range b.totals {
		if aware(a.family) {
			sums[a] -= n
		}
	}
	for a, n := range b.slices {
		sums[account{family: a.family, counter: a.counter}] += n
	}
	for a, n := range sums {
		if n != 0 {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b account) int { return strings.Compare(a.family+a.counter, b.family+b.counter) })
	return found
}
