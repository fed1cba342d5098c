package engine

import (
	"bytes"

	"github.com/distkit/distkit-proxy/lua"
)

// MaxKeyLen is the longest counter key in bytes, namespace and colon included.
const MaxKeyLen = 255

// DefaultNamespace is the namespace of keys without a colon unless configured;
// it is the distkit crate's default prefix.
const DefaultNamespace = lua.DefaultNamespace

// Errors of ParseKey. Each names the rule that the key breaks.
var (
	ErrKeyEmpty     = &Error{"ERR", "invalid counter key: it must not be empty"}
	ErrKeyLong      = &Error{"ERR", "invalid counter key: it must not be longer than 255 bytes"}
	ErrKeyColons    = &Error{"ERR", "invalid counter key: it may have one ':', between namespace and counter"}
	ErrKeyPart      = &Error{"ERR", "invalid counter key: neither side of ':' may be empty"}
	ErrNamespaceBad = &Error{"ERR", "invalid namespace: it must be 1 to 255 bytes without ':', '{' or '}'"}
	ErrNSBraces     = &Error{"ERR", "invalid counter key: the namespace must not contain '{' or '}'"}
)

// ParseKey splits "counter" or "namespace:counter". The result aliases raw.
func (e *Engine) ParseKey(raw []byte) (Key, error) {
	if len(raw) == 0 {
		return Key{}, ErrKeyEmpty
	}
	if len(raw) > MaxKeyLen {
		return Key{}, ErrKeyLong
	}
	i := bytes.IndexByte(raw, ':')
	if i < 0 {
		return Key{Namespace: e.defaultNS, Counter: raw}, nil
	}
	ns, counter := raw[:i], raw[i+1:]
	switch {
	case bytes.IndexByte(counter, ':') >= 0:
		return Key{}, ErrKeyColons
	case len(ns) == 0 || len(counter) == 0:
		return Key{}, ErrKeyPart
	case bytes.ContainsAny(ns, "{}"):
		// Braces are Redis Cluster's hash tag; the container names need them.
		return Key{}, ErrNSBraces
	}
	return Key{Namespace: ns, Counter: counter}, nil
}

// ParseNamespace checks a namespace given by itself. Nil or absent is not
// allowed here: callers pass DefaultNS for "left out".
func (e *Engine) ParseNamespace(raw []byte) ([]byte, error) {
	if !ValidNamespace(string(raw)) {
		return nil, ErrNamespaceBad
	}
	return raw, nil
}

// DefaultNS is the configured default namespace.
func (e *Engine) DefaultNS() []byte { return e.defaultNS }

// ValidNamespace reports whether s may be a namespace.
func ValidNamespace(s string) bool {
	if s == "" || len(s) > MaxKeyLen {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] == ':' || s[i] == '{' || s[i] == '}' {
			return false
		}
	}
	return true
}
