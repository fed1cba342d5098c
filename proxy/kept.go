package proxy

import "github.com/distkit/distkit-proxy/commands"

// kept is what a session knows of changes that it has had accepted in memory: where
// there is a journal no reply leaves before they are kept there, as it may tell of
// them. The zero value is ready.
type kept struct {
	waits bool
	mark  uint64 // from before the first of them
}

// counting notes that a change may be accepted for the client now.
func (s *session) counting() {
	if e := s.srv.opts.Engine; e.Journaled() && !s.kept.waits {
		s.kept = kept{waits: true, mark: e.Mark()}
	}
}

// countingBy is counting if the command may have a change accepted.
func (s *session) countingBy(cmd *commands.Command) {
	if s.srv.opts.Engine.Journaled() && cmd.Accepts() {
		s.counting()
	}
}

// keep returns when what was accepted for the client is kept. If it cannot be, it may
// be lost or not, and nothing may be said of it: the client must go.
func (s *session) keep() error {
	if !s.kept.waits {
		return nil
	}
	s.kept.waits = false
	return s.srv.opts.Engine.Commit(s.kept.mark)
}
