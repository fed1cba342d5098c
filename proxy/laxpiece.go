package proxy

import (
	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// passHeld is passOn under the hold that the command needs: of a command that comes
// in pieces only the beginning is known.
func (s *session) passHeld(it *item) {
	var touches []engine.Touch
	if s.standing() != demandAuth {
		touches = s.srv.lax.pieceTouches(s.ctx, s.setup.db, it.req.args, nil)
	}
	if s.inMulti {
		s.queue(touches) // whether it overwrites them is not known
		touches = nil
	}
	if s.setup.elsewhere && touches != nil {
		touches = []engine.Touch{everything}
	}
	hold, err := s.srv.lax.engine.Hold(s.ctx, touches)
	if err != nil {
		if s.pieces(it.req.raw, func([]byte) {}) {
			s.append(commands.FromError(err).AppendTo(nil))
		}
		return
	}
	defer hold.Release()
	it.voids = word(it.req.args, 0) == "set" && hold != nil && !s.inMulti
	s.passOn(it)
}
