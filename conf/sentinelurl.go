package conf

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Sentinels is where to ask which server the master is.
type Sentinels struct {
	Addrs  []string // host:port, at least one
	Master string   // its name among the Sentinels
	// Username and Password are for the Sentinels; both may be empty.
	Username, Password string
}

// Errors of Sentinel URLs, as safe to print as the others.
var (
	errMaster        = errors.New("the master's name is missing: it stands behind the Sentinels, as in redis+sentinel://host,host/mymaster")
	errMasterName    = errors.New("the master's name has a character other than A-Z, a-z, 0-9, '.', '_' and '-'")
	errSentinelPath  = errors.New("behind the master's name there can be a database, and nothing more")
	errSentinelOwner = errors.New("sentinel_username needs a sentinel_password")
)

// defaultSentinelPort is where Sentinels listen.
const defaultSentinelPort = "26379"

// sentinelOptions are the options after '?' that only this form has.
var sentinelOptions = []string{"sentinel_username", "sentinel_password"}

// sentinelScheme tells whether a scheme, in lower case, is of the Sentinel form,
// and whether it is with TLS.
func sentinelScheme(scheme string) (is, secure bool) {
	plain, found := strings.CutSuffix(scheme, "+sentinel")
	if !found {
		plain, found = strings.CutSuffix(scheme, "-sentinel")
	}
	return found && (plain == "redis" || plain == "rediss"), plain == "rediss"
}

// ParseSentinels returns the Sentinels of a URL of that form, or nil for one of
// another form. Its errors are safe to print.
func ParseSentinels(raw string) (*Sentinels, error) {
	_, s, err := parseSentinel(raw)
	return s, err
}

// parseSentinel takes a URL of the Sentinel form apart: into the options of
// connections to the master, whose address is not known and whose Addr is its
// name, and where to ask for it. Both are nil for another form.
func parseSentinel(raw string) (*redis.Options, *Sentinels, error) {
	scheme, rest, found := strings.Cut(raw, "://")
	is, secure := sentinelScheme(strings.ToLower(scheme))
	switch {
	case !found || !is:
		return nil, nil, nil
	case strings.Contains(rest, "#"):
		return nil, nil, errFragment
	}
	// A list of hosts does not parse as a URL, so it is taken out first.
	user, hosts, rest := cutHosts(rest)
	path, query, _ := strings.Cut(rest, "?")
	if strings.Contains(path, "@") {
		return nil, nil, errURLPassword
	}
	s := &Sentinels{}
	for _, host := range strings.Split(hosts, ",") {
		addr, err := sentinelAddr(host)
		if err != nil {
			return nil, nil, err
		}
		s.Addrs = append(s.Addrs, addr)
	}
	master, db, more := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case master == "":
		return nil, nil, errMaster
	case strings.ContainsFunc(master, func(r rune) bool { return !wordRune(r) }):
		return nil, nil, errMasterName
	case more && strings.Contains(strings.TrimSuffix(db, "/"), "/"):
		return nil, nil, errSentinelPath
	}
	s.Master = master
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, nil, errNotURL
	}
	s.Username, s.Password = values.Get("sentinel_username"), values.Get("sentinel_password")
	if s.Username != "" && s.Password == "" {
		return nil, nil, errSentinelOwner
	}
	for _, name := range sentinelOptions {
		values.Del(name)
	}
	plain := "redis://"
	if secure {
		plain = "rediss://"
	}
	opts, err := parseStandalone(plain + user + "master/" + db + "?" + values.Encode())
	if err != nil {
		return nil, nil, err
	}
	opts.Addr = master
	if secure {
		opts.TLSConfig.ServerName = "" // whichever host is dialled
	}
	return opts, s, nil
}

// cutHosts splits what is behind the scheme into the user with its '@', the
// hosts, and the rest from the first '/' or '?'.
func cutHosts(text string) (user, hosts, rest string) {
	end := len(text)
	if i := strings.IndexAny(text, "/?#"); i >= 0 {
		end = i
	}
	at := strings.LastIndexByte(text[:end], '@') + 1
	return text[:at], text[at:end], text[end:]
}

// sentinelAddr is host:port of one of the hosts.
func sentinelAddr(host string) (string, error) {
	u, err := url.Parse("redis://" + host)
	switch {
	case err != nil || u.Host != host:
		return "", errURLPort
	case u.Hostname() == "":
		return "", errURLHost
	case u.Port() == "" && !strings.HasSuffix(host, ":"):
		return net.JoinHostPort(u.Hostname(), defaultSentinelPort), nil
	case !validPort(u.Port()):
		return "", errURLPort
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), nil
}

// plainHost is a host of a list, when it can hold no password.
var plainHost = regexp.MustCompile(`^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// redactSentinels is Redact for the Sentinel form: the list of hosts is taken
// out, and put back if it is one.
func redactSentinels(scheme, rest string) string {
	user, hosts, tail := cutHosts(rest)
	if slices.ContainsFunc(strings.Split(hosts, ","), func(h string) bool { return !plainHost.MatchString(h) }) {
		return redactMalformed(scheme, rest)
	}
	const placeholder = "sentinels.invalid"
	shown := redactPlain(scheme + user + placeholder + tail)
	if !strings.Contains(shown, placeholder) {
		return shown
	}
	return strings.Replace(shown, placeholder, hosts, 1)
}
