package commands

import "strconv"

// The RESP types that replies are made of. All append to dst.

func appendHead(dst []byte, typ byte, n int64) []byte {
	dst = append(dst, typ)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}

func appendInt(dst []byte, n int64) []byte { return appendHead(dst, ':', n) }

func appendArray(dst []byte, n int) []byte { return appendHead(dst, '*', int64(n)) }

func appendLine(dst []byte, typ byte, s string) []byte {
	dst = append(dst, typ)
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

func appendBulk[T string | []byte](dst []byte, s T) []byte {
	dst = appendHead(dst, '$', int64(len(s)))
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// encoder writes what differs between the protocols: maps and sets are plain
// arrays in RESP2.
type encoder struct {
	dst   []byte
	resp3 bool
}

func (e *encoder) array(n int)     { e.dst = appendArray(e.dst, n) }
func (e *encoder) bulk(s string)   { e.dst = appendBulk(e.dst, s) }
func (e *encoder) status(s string) { e.dst = appendLine(e.dst, '+', s) }
func (e *encoder) integer(n int)   { e.dst = appendInt(e.dst, int64(n)) }

func (e *encoder) mapOf(pairs int) {
	if e.resp3 {
		e.dst = appendHead(e.dst, '%', int64(pairs))
		return
	}
	e.array(2 * pairs)
}

func (e *encoder) setOf(n int) {
	if e.resp3 {
		e.dst = appendHead(e.dst, '~', int64(n))
		return
	}
	e.array(n)
}

// flags writes a set of words, as Redis does: simple strings.
func (e *encoder) flags(words []string) {
	e.setOf(len(words))
	for _, w := range words {
		e.status(w)
	}
}
