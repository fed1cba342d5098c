package integration

import (
	"fmt"
	"sync"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

func TestUnknownKeysReadZero(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("GET ghost", u.f.own(0))
		u.want("GET ns:ghost", u.f.own(0))
		u.want("MGET ghost phantom", []any{u.f.own(0), u.f.own(0)})
		u.want("DEL ghost", u.f.own(0))
		if u.f.aware {
			u.want("MGETI ghost phantom", []any{int64(0), int64(0)})
			u.want("DELI ghost", u.f.own(0))
		}
	})
}

// TestCounting is a table of sessions: each line and what it must answer.
func TestCounting(t *testing.T) {
	type step struct {
		line string
		n    int64
	}
	sessions := map[string][]step{
		"IncReturnsTheNewTotal":     {{"INC inc 5", 5}, {"GET inc", 5}},
		"IncWithoutDeltaAddsOne":    {{"INC one", 1}, {"INC one", 2}, {"GET one", 2}},
		"IncAccumulates":            {{"INC sum 3", 3}, {"INC sum 4", 7}, {"INC sum 10", 17}, {"GET sum", 17}},
		"IncByZeroChangesNothing":   {{"INC zero 0", 0}, {"INC zero 7", 7}, {"INC zero 0", 7}, {"GET zero", 7}},
		"IncByANegativeSubtracts":   {{"INC neg 5", 5}, {"INC neg -8", -3}, {"GET neg", -3}},
		"DecSubtracts":              {{"INC dec 10", 10}, {"DEC dec 3", 7}, {"GET dec", 7}},
		"DecWithoutDeltaTakesOne":   {{"DEC less", -1}, {"DEC less", -2}, {"GET less", -2}},
		"DecGoesBelowZero":          {{"DEC below 5", -5}, {"DEC below 5", -10}, {"GET below", -10}},
		"DecByZeroChangesNothing":   {{"INC keep 4", 4}, {"DEC keep 0", 4}, {"GET keep", 4}},
		"DecByANegativeAdds":        {{"DEC up -6", 6}, {"GET up", 6}},
		"ChainsOfIncAndDec":         {{"INC chain 10", 10}, {"DEC chain 4", 6}, {"INC chain 1", 7}, {"DEC chain 7", 0}, {"GET chain", 0}},
		"LargeValues":               {{"INC large 1000000000000", 1e12}, {"INC large 1000000000000", 2e12}, {"GET large", 2e12}},
		"KeysDoNotInterfere":        {{"INC here 5", 5}, {"INC there 7", 7}, {"GET here", 5}, {"GET there", 7}},
		"SetReturnsTheValue":        {{"SET set 42", 42}, {"GET set", 42}},
		"SetOverrides":              {{"INC over 10", 10}, {"SET over 3", 3}, {"GET over", 3}, {"SET over 4", 4}, {"GET over", 4}},
		"SetToZero":                 {{"INC reset 9", 9}, {"SET reset 0", 0}, {"GET reset", 0}, {"INC reset 2", 2}},
		"SetToANegative":            {{"SET minus -12", -12}, {"GET minus", -12}, {"INC minus 2", -10}},
		"SetThenCounting":           {{"INC mix 5", 5}, {"SET mix 100", 100}, {"INC mix 3", 103}, {"DEC mix 1", 102}, {"GET mix", 102}},
		"SetToTheSameValueTwice":    {{"SET same 8", 8}, {"SET same 8", 8}, {"INC same 1", 9}},
		"NamesOfCommandsAreAnyCase": {{"inc anycase 5", 5}, {"Dec anycase 2", 3}, {"gEt anycase", 3}, {"inc anycase 1", 4}},
		"BinaryAndOddNames":         {{"INC {x} 1", 1}, {"INC \x00\xff 2", 2}, {"INC IF 3", 3}, {"GET IF", 3}},
	}
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		for name, steps := range sessions {
			t.Run(name, func(t *testing.T) {
				u := r.in(t, r.f).users[0]
				for _, s := range steps {
					u.want(s.line, u.f.own(s.n))
				}
			})
		}
	})
}

func TestSetIAdjustsTheSlice(t *testing.T) {
	onRigs(t, 1, awareFamilies, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("SETI new 7", u.f.own(7))
		u.want("GET new", u.f.own(7))
		u.want("INC new 3", u.f.own(10))
		u.want("SETI new 4", u.f.own(4))
		u.want("SETI new -4", u.f.own(-4))
		u.want("SETI new 0", u.f.own(0))
		u.want("GET new", u.f.own(0))
	})
}

func TestFamiliesNeverSeeEachOther(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{})
		for i, f := range everyFamily {
			r.in(t, f).users[0].want("INC shared "+[]string{"1", "20", "300", "4000"}[i], f.own([]int64{1, 20, 300, 4000}[i]))
		}
		r.users[0].flush()
		for i, f := range everyFamily {
			r.in(t, f).users[0].want("GET shared", f.own([]int64{1, 20, 300, 4000}[i]))
		}
		r.in(t, strictAware).users[0].want("DEL shared", strictAware.own(20))
		r.in(t, laxPlain).users[0].want("CLEAR", "OK")
		for i, f := range everyFamily {
			r.in(t, f).users[0].want("GET shared", f.own([]int64{1, 0, 0, 4000}[i]))
		}
	})
}

func TestNamespacesAreIsolated(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("INC a:hits 5", u.f.own(5))
		u.want("INC b:hits 7", u.f.own(7))
		u.want("INC hits 11", u.f.own(11))
		u.flush()
		u.want("GET a:hits", u.f.own(5))
		u.want("GET b:hits", u.f.own(7))
		u.want("GET hits", u.f.own(11))
		u.want("DEL a:hits", u.f.own(5))
		u.want("GET b:hits", u.f.own(7))
		u.want("GET distkit:hits", u.f.own(11)) // the default one by its name
	})
}

func TestClientsCountTogether(t *testing.T) {
	const clients, each = 8, 100
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				c := r.users[i%2].c
				for range each {
					if err := c.Do(t.Context(), r.f.prefix+"INC", "x").Err(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		for _, u := range r.users {
			u.sees("x", clients*each, clients/2*each)
		}
		same(t, "in Redis", raw(t, r.redis, "HGET", r.f.totals("distkit"), "x"), fmt.Sprint(clients*each))
	})
}
