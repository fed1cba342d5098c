package keyspec

import (
	"bytes"
	"math"
	"strconv"
)

// spec is one key specification: where some of a command's keys are.
type spec struct {
	// Where they begin: at argument at, or behind word, looked for from argument
	// at on, or if at is negative up to the -at-th last.
	at   int
	word string // in lower case; "": at is the place

	// How far they go. counted: argument numAt from the beginning says how many
	// there are, of which the first is argument first from it. Otherwise to the
	// one that is last from the beginning, or if last is negative from the end;
	// a limit above 1 divides what is left of the arguments by it first.
	counted      bool
	numAt, first int
	last, limit  int
	step         int // at least 1
}

// appendKeys appends the keys. What does not fit the arguments is left out: the
// command will be refused.
//
// Redis takes the first place where the word stands. Some commands take the last
// one, and a word may also be a key's name: all places count.
func (s *spec) appendKeys(keys, args [][]byte) [][]byte {
	if s.word == "" {
		keys, _ = s.appendFrom(keys, args, s.at, 0)
		return keys
	}
	from, to := s.at, len(args)
	if s.at < 0 {
		from, to = 1, len(args)+s.at+1
	}
	taken := 0
	for i := from; i < to; i++ {
		if is(args[i], s.word) {
			keys, taken = s.appendFrom(keys, args, i+1, taken)
		}
	}
	return keys
}

// appendFrom appends the keys that begin at an argument, without those before
// argument taken, and returns that of the next call: the work of all calls is
// bounded by the number of arguments.
func (s *spec) appendFrom(keys, args [][]byte, begin, taken int) ([][]byte, int) {
	first, last := begin, 0
	switch {
	case s.counted:
		if begin+s.numAt >= len(args) {
			return keys, taken
		}
		n, ok := number(args[begin+s.numAt])
		if !ok || n <= 0 {
			return keys, taken
		}
		first += s.first
		last = first + (min(n, len(args))-1)*s.step
	case s.last >= 0:
		last = begin + s.last
	case s.limit > 1:
		last = begin + (len(args)-begin)/s.limit + s.last
	default:
		last = len(args) + s.last
	}
	i := max(first, taken)
	for ; i <= min(last, len(args)-1); i += s.step {
		keys = append(keys, args[i])
	}
	return keys, max(i, taken)
}

// is reports whether an argument is a word, which is in lower case.
func is(arg []byte, word string) bool {
	return len(arg) == len(word) && bytes.EqualFold(arg, []byte(word))
}

// number reads what any Redis may take for an integer; it refuses some of it.
func number(arg []byte) (n int, ok bool) {
	if len(arg) > 20 {
		return 0, false
	}
	n, err := strconv.Atoi(string(arg))
	return n, err == nil && n <= math.MaxInt32
}
