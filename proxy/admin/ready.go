package admin

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// readyz answers whether the proxy should be sent traffic, with a line for each
// reason against it.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	reasons := s.reasons(r)
	if len(reasons) == 0 {
		plain(w, http.StatusOK, "ready\n")
		return
	}
	plain(w, http.StatusServiceUnavailable, strings.Join(reasons, "\n")+"\n")
}

// reasons are why the proxy is not ready; none: it is.
func (s *Server) reasons(r *http.Request) (reasons []string) {
	p := s.proxy.Load()
	switch {
	case s.draining.Load():
		reasons = append(reasons, "draining: the proxy is stopping")
	case p == nil:
		reasons = append(reasons, "starting")
	}
	if p == nil {
		return reasons
	}
	if s.draining.Load() { // the engine may be closed, and then cannot ask
		if !p.stats().Engine.RedisUp {
			reasons = append(reasons, "redis: it could not be reached last")
		}
	} else if err := s.contact.ask(r.Context(), p.reach); err != nil {
		reasons = append(reasons, "redis: "+oneLine(err.Error()))
	}
	age, limit := p.stats().Engine.OldestPending, s.opts.MaxPendingAge
	if limit > 0 && age > limit {
		reasons = append(reasons, fmt.Sprintf("pending: the oldest increment has waited %v for Redis, more than %v", age.Round(time.Millisecond), limit))
	}
	return reasons
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
