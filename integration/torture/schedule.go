package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// injection is a fault at a moment of a round.
type injection struct {
	at, length time.Duration
	fault      *fault
	target     int   // the place of a link or proxy
	lot        int64 // 0 to 999, for what the fault leaves open
}

func (in injection) String() string {
	on := ""
	if in.fault.lane == laneLink || in.fault.lane == laneProxy {
		on = fmt.Sprintf(" of %d", in.target)
	}
	return fmt.Sprintf("%6.2fs %s%s for %v", in.at.Seconds(), in.fault.name, on, in.length.Round(time.Millisecond))
}

// schedule makes up the faults of a round: the same for the same seed, round
// and choice of faults, whatever happens meanwhile. Faults of one lane and
// target do not overlap, others do.
func schedule(seed uint64, round int, length time.Duration, places int, chosen []*fault) []injection {
	random := rand.New(rand.NewPCG(seed, uint64(round)))
	var all []injection
	for _, l := range lanes {
		var of []*fault
		for _, f := range chosen {
			if f.lane == l.lane {
				of = append(of, f)
			}
		}
		targets := 1
		if l.lane == laneLink || l.lane == laneProxy {
			targets = places
		}
		for target := range targets {
			pause := func() time.Duration { return time.Duration(random.ExpFloat64() * float64(l.pause)) }
			for at := pause(); at < length && len(of) > 0; {
				f := of[random.IntN(len(of))]
				in := injection{at: at, length: f.least, fault: f, target: target, lot: random.Int64N(1000)}
				if f.most > f.least {
					in.length += time.Duration(random.Int64N(int64(f.most - f.least)))
				}
				all = append(all, in)
				at += in.length + pause()
			}
		}
	}
	slices.SortFunc(all, func(a, b injection) int { return int(a.at - b.at) })
	return all
}
