package conf

import (
	"fmt"
	"strings"
)

// Help is the text of --help.
func Help() string {
	c := Default()
	var b strings.Builder
	b.WriteString(`distkit-proxy is a Redis proxy with distributed counters: DK* commands for
every Redis client, everything else passed on to Redis.

Usage:
  distkit-proxy [flags]

Examples:
  distkit-proxy                                     try it, with an embedded Redis
  distkit-proxy --redis redis://10.0.0.5:6379       in front of your Redis
  distkit-proxy --config proxy.yaml --check-config  is this configuration right?
  distkit-proxy --listen 127.0.0.1:6380 --listen unix:///run/distkit.sock
`)
	group := ""
	for _, s := range settings(&c) {
		if s.group != group {
			group = s.group
			fmt.Fprintf(&b, "\n%s:\n", group)
		}
		fmt.Fprintf(&b, "  %-26s %s (%s)\n", strings.TrimSpace("--"+s.name+" "+s.arg), s.help, s.byDefault())
	}
	b.WriteString(`
Actions:
  --check-config             check the configuration, print it and exit
  --version                  print the version and exit
  --help, -h                 print this text and exit

In parentheses: what applies when nothing is set. Every setting can also be
given in the environment (--flush-interval as DISTKIT_FLUSH_INTERVAL) and in the
YAML file (flush_interval: 20ms). Flags win over the environment, the environment
over the file. REDIS_URL is taken for DISTKIT_REDIS where that is not set.
`)
	return b.String()
}

// Describe lists every setting with its value and where that came from, one
// line each, without any password.
func (c Config) Describe() string {
	var b strings.Builder
	for _, s := range settings(&c) {
		from := c.origin[s.name].from
		if from == "" {
			from = "default"
		}
		value := s.show(s.field.String())
		if value == "" {
			value = s.empty
		}
		fmt.Fprintf(&b, "%-18s %s (%s)\n", s.name, value, from)
	}
	return b.String()
}
