// Package corpus holds what clients of Redis send, as data: scenarios of one or
// more connections that together use every command of Redis 7.0. It sends
// nothing and knows no reply: who plays a scenario compares two servers.
//
//	all, err := corpus.Scenarios()
//
// # Notation
//
// The files in scenarios/ have a line for each step. Blank lines and what begins
// with # do not count.
//
//	[lists: push and pop]      a scenario, all of it sent on new connections
//	% alone: why               … between whose commands nothing may be put
//	% only 3: why              … that exists in RESP3 only; or in 2
//	% uncut: why               … that is not sent in pieces
//	LPUSH k "a b" "\x00" {x*9} a command on connection 1; {x*9} is xxxxxxxxx,
//	                           {id2} connection 2's id, {n} a counter of the play's own
//	raw "PING\r\n"             bytes as they are
//	2> LPUSH k v               a command on connection 2
//	=3/0 SUBSCRIBE a b c       it is answered by 3 replies in RESP2 and by none
//	                           in RESP3; pushes count as replies. =3 is =3/3
//	& BLPOP k 0                its replies are not waited for before the next step
//	100x PING                  one hundred times
//	< 1                        a further reply on connection 1; 2< 0/1 on 2
//	! blocked 1                wait until so many connections are blocked
//	! idle                     wait until Redis has no child process
//	! closed                   the server closes connection 1; 2! closed: 2
package corpus

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed scenarios/*.txt
var files embed.FS

// Kind is what a step does.
type Kind uint8

const (
	Send    Kind = iota // sends Args, or Raw if there are none
	Await               // waits for Frames more
	Blocked             // waits until N connections are blocked
	Idle                // waits until Redis has no child process
	Closed              // waits until the server closes the connection
)

// Step is one line of a scenario.
type Step struct {
	Text       string // as written
	Kind       Kind
	Conn       int // from 1
	Args       []string
	Raw        string
	Frames     [2]int // replies to each, pushes included, in RESP2 and RESP3
	Background bool   // the replies are not waited for yet
	Times      int    // at least 1
	N          int
}

// Scenario is what is sent on one or more new connections.
type Scenario struct {
	Name  string
	Alone string // why nothing may be put between its commands; "": it may
	Uncut string // why it is not sent in pieces; "": it is
	Only  int    // the only protocol that it exists in; 0: both
	Steps []Step
}

// Scenarios returns all scenarios, in the order of the files' names.
func Scenarios() ([]Scenario, error) {
	var all []Scenario
	names, err := fs.Glob(files, "scenarios/*.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		some, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("corpus: %s: %w", name, err)
		}
		all = append(all, some...)
	}
	return all, nil
}
