package proxy

// What short frames: so many arguments, of so many bytes each. Nobody has to
// authenticate for that.
const (
	shortArgs = 9
	shortBulk = 99
)

// mayBeShort reports whether the limits allow whatever short frames.
func (l Limits) mayBeShort() bool {
	return l.MaxArgs >= shortArgs && l.MaxBulk >= shortBulk && l.MaxQueryBuffer >= shortArgs*(shortBulk+8)+4
}

// short frames a command of a few short arguments all of which is there, as nearly
// all are, in one go. It reports false, and has done nothing, for all others and for
// whatever is not just as it should be: those are next's.
func (f *framer) short(arena [][]byte) (req request, used [][]byte, ok bool) {
	p := f.buf[f.start:]
	if len(p) < 4 || p[0] != '*' || p[2] != '\r' || p[3] != '\n' {
		return request{}, arena, false
	}
	left := int(p[1]) - '0'
	if left < 1 || left > shortArgs || !f.shorts {
		return request{}, arena, false
	}
	from, at := len(arena), 4
	for ; left > 0; left-- {
		size, begin := shortHeader(p[at:])
		begin += at
		end := begin + size
		if size < 0 || end+2 > len(p) || p[end] != '\r' || p[end+1] != '\n' {
			f.steps += uint64(at - 4)
			return request{}, arena[:from], false
		}
		arena = append(arena, p[begin:end:end])
		at = end + 2
	}
	f.pos = f.start + at
	f.finish()
	f.steps += uint64(at)
	return request{raw: p[:at:at], args: arena[from:len(arena):len(arena)]}, arena, true
}

// shortHeader reads "$<n>" of one or two digits and its end, and returns n and where
// the payload begins; -1 if p does not begin with that.
func shortHeader(p []byte) (size, begin int) {
	if len(p) < 4 || p[0] != '$' {
		return -1, 0
	}
	size = int(p[1]) - '0'
	if p[2] == '\r' && p[3] == '\n' && size >= 0 && size <= 9 {
		return size, 4
	}
	low := int(p[2]) - '0'
	if len(p) < 5 || p[3] != '\r' || p[4] != '\n' || size < 1 || size > 9 || low < 0 || low > 9 {
		return -1, 0
	}
	return 10*size + low, 5
}
