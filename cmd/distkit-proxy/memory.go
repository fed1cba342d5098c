package main

import (
	"errors"
	"log/slog"
	"math"
	"os"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryShare is the part of the cgroup's memory that the Go heap aims to stay
// in; the rest is for what the runtime does not count.
const memoryShare = 0.9

// limitMemory has the garbage collector work harder before the cgroup's limit
// ends the process, and says so. GOMEMLIMIT, where it is set, is left as it is.
// Nothing is limited and nothing is said where there is no limit.
func limitMemory(cgroup memlimit.Provider, log *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithProvider(cgroup), memlimit.WithRatio(memoryShare))
	switch {
	case errors.Is(err, memlimit.ErrCgroupsNotSupported), errors.Is(err, memlimit.ErrNoCgroup):
	case err != nil:
		log.Warn("no soft memory limit: that of the cgroup cannot be read", "error", err.Error())
	case limit < math.MaxInt64:
		from := "cgroup"
		if _, ok := os.LookupEnv("GOMEMLIMIT"); ok {
			from = "GOMEMLIMIT"
		}
		log.Info("soft memory limit", "bytes", limit, "from", from)
	}
}
