package conf

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// redisURL is the URL of a Redis, or empty.
type redisURL struct{ p *string }

func (v *redisURL) set(raw []string) error {
	err := (*text)(v).set(raw)
	if errors.Is(err, errEmpty) { // a variable that was not set, likelier than the wish for an embedded one
		return errNoURL
	}
	return err
}
func (v *redisURL) check() error {
	if *v.p == "" {
		return nil
	}
	_, err := ParseRedis(*v.p)
	return err
}
func (v *redisURL) allowed() string {
	return "redis://[user:password@]host[:port][/db], rediss://… with TLS, unix://[user:password@]/path[?db=n], or redis+sentinel://[user:password@]host[:port],…/master[/db]"
}
func (v *redisURL) String() string { return *v.p }

// Errors of ParseRedis. None quotes the URL: it may hold a password, and where
// it is malformed nobody can say which part that is.
var (
	errNoURL       = errors.New("it is empty; for an embedded in-memory Redis leave it out")
	errNotURL      = errors.New("it is not a URL (special characters in a password are percent-encoded: '/' is %2F)")
	errScheme      = errors.New("it does not begin with redis://, rediss://, unix:// or redis+sentinel://")
	errTopology    = errors.New("it names several servers: Sentinels are written redis+sentinel://host,host/master, and a Cluster is not supported yet")
	errUnixPath    = errors.New("a unix socket needs an absolute path")
	errFragment    = errors.New("it has a '#' ('#' in a password is written %23)")
	errDB          = errors.New("the database is not a number from 0 up")
	errURLHost     = errors.New("the host is missing")
	errURLPort     = errors.New("the port is not a number from 1 to 65535")
	errURLPassword = errors.New("it has an '@' after the host ('@' in a password is written %40, '/' is %2F)")
)

// topologyParams are query parameters that only Sentinel and Cluster forms have.
var topologyParams = []string{"addr", "master_name", "master", "sentinel", "cluster"}

// ParseRedis turns a URL into go-redis' options. Its errors are safe to print.
// Of a URL with Sentinels they are those of the connections to the master, with
// its name for an address: a Dialer has to ask who that is, see ParseSentinels.
func ParseRedis(raw string) (*redis.Options, error) {
	if opts, s, err := parseSentinel(raw); s != nil || err != nil {
		return opts, err
	}
	return parseStandalone(raw)
}

// parseStandalone is ParseRedis for one server.
func parseStandalone(raw string) (*redis.Options, error) {
	scheme, rest, found := strings.Cut(raw, "://")
	scheme = strings.ToLower(scheme)
	switch {
	case !found:
		return nil, errScheme
	case strings.Contains(scheme, "sentinel"), strings.Contains(scheme, "cluster"):
		return nil, errTopology
	case scheme != "redis" && scheme != "rediss" && scheme != "unix":
		return nil, errScheme
	}
	// A list of hosts does not parse as a URL, so it is looked for first.
	authority, _, _ := strings.Cut(rest, "/")
	if scheme != "unix" && strings.Contains(authority[strings.LastIndexByte(authority, '@')+1:], ",") {
		return nil, errTopology
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errNotURL
	}
	for _, name := range topologyParams {
		if u.Query().Has(name) {
			return nil, errTopology
		}
	}
	switch {
	case u.Fragment != "":
		return nil, errFragment
	case strings.Contains(u.Path, "@") && u.User == nil && scheme != "unix":
		return nil, errURLPassword
	case scheme == "unix" && (u.Host != "" || u.Path == ""):
		return nil, errUnixPath
	case scheme != "unix" && u.Hostname() == "":
		return nil, errURLHost
	case scheme != "unix" && u.Port() != "" && !validPort(u.Port()):
		return nil, errURLPort
	}
	opts, err := redis.ParseURL(raw)
	switch {
	case err != nil:
		return nil, paramError(err, u)
	case opts.DB < 0:
		return nil, errDB
	}
	return opts, nil
}

// paramError says what go-redis found wrong with the path or the parameters,
// by the names of the parameters alone.
func paramError(err error, u *url.URL) error {
	if strings.Contains(err.Error(), "database number") || strings.Contains(err.Error(), "URL path") {
		return errDB
	}
	var names []string
	for name := range u.Query() {
		if plainName.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return errors.New("an option after '?' is unknown or has a wrong value: " + strings.Join(names, ", "))
}

func validPort(s string) bool { return checkAddr("h:"+s) == nil && strings.Trim(s, "0") != "" }

var (
	plainName = regexp.MustCompile(`^[a-z_]{1,32}$`)
	hostPort  = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$`)
	anyScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{0,31}://`)
)

// hidden stands for what Redact takes out.
const hidden = "***"

// Redact returns a URL that is safe to print: with *** for its password, for a
// user without one (likelier a password in the wrong place) and for options
// whose value could be a secret. Where it is malformed so that the password
// could be anywhere, little more than the scheme is left.
func Redact(raw string) string {
	if raw == "" || hostPort.MatchString(raw) {
		return raw
	}
	if scheme := anyScheme.FindString(raw); scheme != "" {
		if is, _ := sentinelScheme(strings.ToLower(strings.TrimSuffix(scheme, "://"))); is {
			return redactSentinels(scheme, raw[len(scheme):])
		}
	}
	return redactPlain(raw)
}

// redactPlain is Redact for one server.
func redactPlain(raw string) string {
	scheme := anyScheme.FindString(raw)
	u, err := url.Parse(raw)
	if scheme == "" || err != nil || strings.Contains(raw, "#") ||
		u.Host != "" && strings.Contains(u.Path, "@") || strings.Contains(u.RawQuery, "@") {
		return redactMalformed(scheme, raw[len(scheme):])
	}
	user := ""
	if u.User != nil {
		user = hidden + "@"
		if _, ok := u.User.Password(); ok {
			user = url.User(u.User.Username()).String() + ":" + user
		}
	}
	// Not URL.String, which would escape the asterisks.
	return u.Scheme + "://" + user + u.Host + u.EscapedPath() + redactQuery(u.RawQuery)
}

// redactMalformed shows what cannot hold a password of what is no URL: nothing
// where there is an '@', else what is before the first mark.
func redactMalformed(scheme, rest string) string {
	if strings.Contains(rest, "@") {
		return scheme + hidden
	}
	if i := strings.IndexAny(rest, ":?#%"); i >= 0 {
		return scheme + rest[:i+1] + hidden
	}
	return scheme + rest
}

// urlOptions are the options after '?' that go-redis knows.
var urlOptions = strings.Fields(`db protocol client_name max_retries min_retry_backoff max_retry_backoff
	dial_timeout read_timeout write_timeout pool_fifo pool_size pool_timeout min_idle_conns max_idle_conns
	max_active_conns max_concurrent_dials pipeline_pool_size pipeline_read_buffer_size pipeline_write_buffer_size
	conn_max_idle_time idle_timeout conn_max_lifetime max_conn_age conn_max_lifetime_jitter skip_verify`)

// plainValue is a number, a time or a switch.
var plainValue = regexp.MustCompile(`^(-?[0-9]+([.][0-9]+)?|([0-9.]+(ns|us|ms|s|m|h))+|true|false)?$`)

// redactQuery keeps the options that are known and plain.
func redactQuery(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		switch known := slices.Contains(urlOptions, name); {
		case known && (plainValue.MatchString(value) || name == "client_name"):
		case known || name == "password" || name == "username" || slices.Contains(sentinelOptions, name):
			pairs[i] = name + "=" + hidden
		default:
			pairs[i] = hidden
		}
	}
	return "?" + strings.Join(pairs, "&")
}
