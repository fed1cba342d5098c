package conf

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	envPrefix = "DISTKIT_"
	// redisURLEnv is the variable that many hosting platforms set; it counts as
	// the environment's word on the Redis behind where DISTKIT_REDIS is not set.
	redisURLEnv = "REDIS_URL"
)

// environment collects what is set there. A variable with our prefix that is no
// setting is a problem: likely a misspelt one.
func environment(table []setting, environ []string) (entries []entry, problems Problems) {
	set := map[string]string{}
	known := map[string]bool{}
	for _, s := range table {
		known[s.env()] = true
	}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if _, twice := set[name]; twice || value == "" {
			continue // the first one counts, as for os.Getenv
		}
		set[name] = value
		if strings.HasPrefix(name, envPrefix) && !known[name] && !serviceLink(name, value) {
			short := shorten(name)
			problems = append(problems, &Problem{Reason: fmt.Sprintf("the environment has %s, which is no setting; %s",
				short, orNearest(table, strings.TrimPrefix(short, envPrefix), "", setting.env, "docs/configuration.md lists them all"))})
		}
	}
	for _, s := range table {
		names := []string{s.env()}
		if s.name == "redis" {
			names = append(names, redisURLEnv)
		}
		for _, name := range names {
			if raw := set[name]; raw != "" {
				entries = append(entries, entry{s.name, []string{raw}, nil, name})
				break
			}
		}
	}
	return entries, problems
}

// What Kubernetes sets in every container for each service near it: for one
// named distkit-proxy that is DISTKIT_PROXY_SERVICE_HOST and the like.
var (
	serviceLinkName = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	serviceLinkURL  = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// serviceLink reports whether a variable is not meant for the proxy but was set
// by Kubernetes.
func serviceLink(name, value string) bool {
	return serviceLinkName.MatchString(name) || strings.HasSuffix(name, "_PORT") && serviceLinkURL.MatchString(value)
}
