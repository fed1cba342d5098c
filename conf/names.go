package conf

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Limits on names; the engine has the same.
const (
	maxNamespace  = 255
	maxInstanceID = 64
)

// namespace is the part of a counter key before the colon.
type namespace struct{ p *string }

func (v *namespace) set(raw []string) error { return (*text)(v).set(raw) }
func (v *namespace) check() error {
	switch s := *v.p; {
	case s == "":
		return errEmpty
	case len(s) > maxNamespace:
		return errors.New("it is too long")
	case strings.ContainsAny(s, ":{}"):
		return errors.New("it has a character that is not allowed")
	}
	return nil
}
func (v *namespace) allowed() string { return "1 to 255 bytes without ':', '{' or '}'" }
func (v *namespace) String() string  { return *v.p }

// instanceID names one proxy.
type instanceID struct{ p *string }

func (v *instanceID) set(raw []string) error { return (*text)(v).set(raw) }
func (v *instanceID) check() error {
	switch s := *v.p; {
	case s == "":
		return errEmpty
	case len(s) > maxInstanceID:
		return errors.New("it is too long")
	case strings.ContainsFunc(s, func(r rune) bool { return !wordRune(r) }):
		return errors.New("it has a character that is not allowed")
	}
	return nil
}
func (v *instanceID) allowed() string { return "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'" }
func (v *instanceID) String() string  { return *v.p }

func wordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
}

// newUUID is a random (version 4) UUID.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: the runtime ends the process first
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// commands is a list of command names; the word none is the empty list.
type commands struct{ p *[]string }

func (v *commands) set(raw []string) error {
	names := fields(raw)
	if len(names) == 1 && strings.EqualFold(names[0], "none") {
		names = nil
	}
	for i := range names {
		names[i] = strings.ToUpper(names[i])
	}
	*v.p = names
	return nil
}

func (v *commands) check() error {
	for _, name := range *v.p {
		container, sub, found := strings.Cut(name, "|")
		if container == "" || found && sub == "" || strings.ContainsFunc(container+sub, func(r rune) bool { return !wordRune(r) }) {
			return errors.New("it has a character that no command name has")
		}
	}
	return nil
}
func (v *commands) allowed() string {
	return "none, or names separated by spaces, of commands or container|subcommand"
}
func (v *commands) String() string {
	if len(*v.p) == 0 {
		return "none"
	}
	return strings.Join(*v.p, " ")
}

// addr is one address to listen on, or none.
type addr struct{ p *string }

func (v *addr) set(raw []string) error {
	s, err := single(raw)
	switch {
	case err != nil:
		return err
	case s == "":
		return errEmpty
	case strings.EqualFold(s, "off"):
		s = ""
	}
	*v.p = s
	return nil
}

func (v *addr) check() error {
	if *v.p == "" {
		return nil
	}
	return checkAddr(*v.p)
}
func (v *addr) allowed() string { return "off, host:port or unix:///path" }
func (v *addr) String() string  { return *v.p }

// addrs is a list of addresses to listen on.
type addrs struct{ p *[]string }

func (v *addrs) set(raw []string) error {
	*v.p = fields(raw)
	return nil
}

func (v *addrs) check() error {
	if len(*v.p) == 0 {
		return errors.New("there is no address")
	}
	seen := map[string]bool{}
	for _, a := range *v.p {
		if err := checkAddr(a); err != nil {
			return err
		}
		// Port 0 is a free port, another one each time.
		if seen[a] && !strings.HasSuffix(a, ":0") {
			return errors.New("an address is there twice")
		}
		seen[a] = true
	}
	return nil
}
func (v *addrs) allowed() string { return "host:port or unix:///path, separated by spaces" }
func (v *addrs) String() string  { return strings.Join(*v.p, " ") }

func checkAddr(addr string) error {
	network, a := SplitAddr(addr)
	if network == "unix" {
		if !strings.HasPrefix(a, "/") {
			return errors.New("a unix socket needs an absolute path")
		}
		return nil
	}
	_, port, err := net.SplitHostPort(a)
	if err != nil {
		return errors.New("it is not a host and a port")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("the port is not a number from 0 to 65535")
	}
	return nil
}

// SplitAddr splits an address of Config.Listen into what net.Listen takes.
func SplitAddr(addr string) (network, address string) {
	if path, ok := strings.CutPrefix(addr, "unix://"); ok {
		return "unix", path
	}
	return "tcp", addr
}

// loopback reports whether only this machine reaches addr. A host name other
// than localhost is not looked up: it may mean anything tomorrow.
func loopback(addr string) bool {
	network, a := SplitAddr(addr)
	if network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(a)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Exposed are the addresses of Listen that others can reach, unless that is
// allowed or they need a certificate: there Redis must ask them for a password.
func (c Config) Exposed() (addrs []string) {
	if c.Public || c.TLSClientCA != "" {
		return nil
	}
	for _, addr := range c.Listen {
		if !loopback(addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
