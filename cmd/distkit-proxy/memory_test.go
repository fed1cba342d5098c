package main

import (
	"errors"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestSoftMemoryLimit(t *testing.T) {
	none := func(err error) memlimit.Provider { return func() (uint64, error) { return 0, err } }
	for _, tc := range []struct {
		name    string
		env     map[string]string
		set     int64 // by the runtime, as GOMEMLIMIT says, before
		cgroup  memlimit.Provider
		limit   int64
		said    string
		silence bool
	}{
		{"a cgroup", nil, math.MaxInt64, memlimit.Limit(1000 << 20), 900 << 20, `level=INFO msg="soft memory limit" bytes=943718400 from=cgroup`, false},
		{"GOMEMLIMIT wins", map[string]string{"GOMEMLIMIT": "1GiB"}, 1 << 30, memlimit.Limit(1000 << 20), 1 << 30, `msg="soft memory limit" bytes=1073741824 from=GOMEMLIMIT`, false},
		{"GOMEMLIMIT off wins", map[string]string{"GOMEMLIMIT": "off"}, math.MaxInt64, memlimit.Limit(1000 << 20), math.MaxInt64, "", true},
		{"another share", map[string]string{"AUTOMEMLIMIT": "0.5"}, math.MaxInt64, memlimit.Limit(1000 << 20), 500 << 20, "bytes=524288000 from=cgroup", false},
		{"no limit", nil, math.MaxInt64, none(memlimit.ErrNoLimit), math.MaxInt64, "", true},
		{"no cgroup", nil, math.MaxInt64, none(memlimit.ErrNoCgroup), math.MaxInt64, "", true},
		{"no cgroups here", nil, math.MaxInt64, none(memlimit.ErrCgroupsNotSupported), math.MaxInt64, "", true},
		{"unreadable", nil, math.MaxInt64, none(errors.New("memory.max: no number")), math.MaxInt64, `level=WARN msg="no soft memory limit: that of the cgroup cannot be read" error="`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, name := range []string{"GOMEMLIMIT", "AUTOMEMLIMIT"} {
				t.Setenv(name, tc.env[name]) // Setenv restores it
				if tc.env[name] == "" {
					os.Unsetenv(name)
				}
			}
			before := debug.SetMemoryLimit(tc.set)
			defer debug.SetMemoryLimit(before)
			var log logBuffer
			limitMemory(tc.cgroup, slog.New(slog.NewTextHandler(&log, nil)))
			if got := debug.SetMemoryLimit(-1); got != tc.limit {
				t.Errorf("the limit is %d, want %d", got, tc.limit)
			}
			said := log.String()
			if tc.silence != (said == "") || !strings.Contains(said, tc.said) || strings.Count(said, "\n") > 1 {
				t.Errorf("it says %q, want one line with %q", said, tc.said)
			}
		})
	}
}
