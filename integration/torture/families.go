package main

import (
	"errors"
	"fmt"
	"strings"
)

// families are the prefixes of the commands, with the container's name in Redis.
var families = []struct{ prefix, container string }{
	{"DK.", "lax_instance_aware_counter"},
	{"DKS.", "instance_aware_counter"},
	{"DKC.", "lax_counter"},
	{"DKCS.", "strict_counter"},
}

// aware reports whether a family knows who contributed what.
func aware(prefix string) bool { return prefix == "DK." || prefix == "DKS." }

// lax reports whether a family is answered from memory.
func lax(prefix string) bool { return prefix == "DK." || prefix == "DKC." || prefix == ordinary }

// prefixOf is the family of a container.
func prefixOf(container string) (string, error) {
	if container == "ordinary" {
		return ordinary, nil
	}
	for _, f := range families {
		if f.container == container {
			return f.prefix, nil
		}
	}
	return "", fmt.Errorf("no family has the container %q", container)
}

// containerKey is the name of a container in Redis; parts are what follows it.
func containerKey(namespace, prefix string, parts ...string) string {
	for _, f := range families {
		if f.prefix == prefix {
			return strings.Join(append([]string{namespace, f.container}, parts...), ":")
		}
	}
	panic("BUG: no family " + prefix)
}

// totalsKey is the hash of a namespace's totals.
func totalsKey(namespace, prefix string) string {
	if aware(prefix) {
		return containerKey(namespace, prefix, "cumulative")
	}
	return containerKey(namespace, prefix)
}

// split separates namespace and name of a counter.
func split(counter string) (namespace, name string) {
	if namespace, name, found := strings.Cut(counter, ":"); found {
		return namespace, name
	}
	return "distkit", counter
}

// reading is what a reply says of one counter.
type reading struct {
	applied     bool
	total, mine int64
	before      int64 // of a conditional item: the total before
}

// readReply takes the reply to one item of a family.
func readReply(prefix string, conditional bool, value any) (r reading, err error) {
	if failure, ok := value.(error); ok {
		return r, failure
	}
	var ns []int64
	switch v := value.(type) {
	case int64:
		ns = []int64{v}
	case []any:
		for _, item := range v {
			n, ok := item.(int64)
			if !ok {
				return r, malformed(prefix, value)
			}
			ns = append(ns, n)
		}
	}
	want := 1
	if aware(prefix) {
		want = 2
	}
	if conditional {
		want = 2*want + 1
	}
	if len(ns) != want {
		return r, malformed(prefix, value)
	}
	r.applied = true
	if conditional {
		r.applied, r.before, ns = ns[0] == 1, ns[len(ns)-want/2], ns[1:]
	}
	r.total = ns[0]
	if aware(prefix) {
		r.mine = ns[1]
	}
	return r, nil
}

// errMalformed says that a reply is not what the command promises.
var errMalformed = errors.New("malformed reply")

func malformed(prefix string, value any) error {
	return fmt.Errorf("%w of %s: %v", errMalformed, prefix, value)
}
