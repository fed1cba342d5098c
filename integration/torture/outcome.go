package main

import (
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// outcome is what an error says about the command it answers.
type outcome uint8

const (
	done       outcome = iota
	notDone            // certainly not carried out, then or later
	unknown            // carried out or not, perhaps only later
	unexpected         // an error that nobody has a meaning for: a finding
)

// outcomes is what each error text means; the first that the text begins with
// counts.
var outcomes = []struct {
	text string
	is   outcome
}{
	{"ERR distkit: no reply from Redis in time; the outcome is unknown", unknown},
	{"ERR distkit: Redis did it and too few replicas confirmed it in time", unknown},
	{"ERR distkit: Redis did not take the flush in time; it goes on", unknown},
	// The proxy's own refusals, and Redis' while it starts.
	{"LOADING distkit: Redis cannot be reached", notDone},
	{"LOADING distkit: the proxy is shutting down", notDone},
	{"LOADING Redis is loading", notDone},
	{"OOM distkit: ", notDone},
	// Redis' own, which strict commands hand on: it refused before it did anything.
	{"OOM command not allowed", notDone},
	{"READONLY ", notDone},
	{"BUSY ", notDone},
	{"MASTERDOWN ", notDone},
	{"NOREPLICAS ", notDone},
	{"MISCONF ", notDone},
}

// outcomeOf says what became of a command that was answered with err.
func outcomeOf(err error) outcome {
	if err == nil {
		return done
	}
	var reply redis.Error
	if errors.As(err, &reply) {
		text := reply.Error()
		if item := strings.TrimPrefix(text, "ERR "); !strings.HasPrefix(item, "distkit: ") {
			text = item // of an array, where codes stand behind ERR
		}
		for _, o := range outcomes {
			if strings.HasPrefix(text, o.text) {
				return o.is
			}
		}
		return unexpected
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" || errors.Is(err, redis.ErrPoolTimeout) {
		return notDone
	}
	return unknown // cut off, or no answer in time
}
