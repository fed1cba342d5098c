package main

import (
	"errors"
	"fmt"
	"net"
	"testing"
)

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want outcome
	}{
		{nil, done},
		{replyError("LOADING distkit: Redis cannot be reached, and this counter is not in memory"), notDone},
		{replyError("ERR LOADING distkit: Redis cannot be reached, and this counter is not in memory"), notDone},
		{replyError("OOM command not allowed when used memory > 'maxmemory'."), notDone},
		{replyError("ERR distkit: no reply from Redis in time; the outcome is unknown"), unknown},
		{fmt.Errorf("pipeline: %w", replyError("BUSY Redis is busy running a script.")), notDone},
		{replyError("ERR increment or decrement would overflow"), unexpected},
		{replyError("ERR something new"), unexpected},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, notDone},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, unknown},
		{errCut, unknown},
	} {
		if got := outcomeOf(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
