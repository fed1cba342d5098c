package proxy

// What short frames: so many arguments, of a length of so many digits each. Nobody has
// to authenticate for that.
const (
	shortArgs   = 9
	shortDigits = 4
)

// short frames a command of a few short arguments all of which is there, as nearly
// all are, in one go. It reports false, and has done nothing, for all others and for
// whatever is not just as it should be: those are next's.
func (f *framer) short(arena [][]byte) (req request, used [][]byte, ok bool) {
	p := f.buf[f.start:]
	if len(p) < 4 || p[0] != '*' || p[2] != '\r' || p[3] != '\n' {
		return request{}, arena, false
	}
	left := int(p[1]) - '0'
	if left < 1 || left > min(shortArgs, f.limits.MaxArgs) {
		return request{}, arena, false
	}
	from, at := len(arena), 4
	for ; left > 0; left-- {
		size, begin := shortHeader(p[at:])
		begin += at
		end := begin + size
		if size < 0 || size > f.limits.MaxBulk || end+2 > min(len(p), f.limits.MaxQueryBuffer) || p[end] != '\r' || p[end+1] != '\n' {
			f.steps += uint64(at - 4)
			clear(arena[from:]) // so that they keep no buffer alive
			return request{}, arena[:from], false
		}
		arena = append(arena, p[begin:end:end])
		at = end + 2
	}
	f.pos = f.start + at
	f.finish()
	f.steps += uint64(at)
	return request{raw: p[:at], args: arena[from:len(arena):len(arena)]}, arena, true
}

// shortHeader reads "$<n>" of up to shortDigits digits and its end, and returns n and
// where the payload begins; -1 if p does not begin with that.
func shortHeader(p []byte) (size, begin int) {
	if len(p) < len("$0\r\n") || p[0] != '$' || p[1] < '0' || p[1] > '9' {
		return -1, 0
	}
	size, i := int(p[1]-'0'), 2
	for ; size > 0 && i <= shortDigits && i < len(p) && '0' <= p[i] && p[i] <= '9'; i++ {
		size = 10*size + int(p[i]-'0')
	}
	if i+1 >= len(p) || p[i] != '\r' || p[i+1] != '\n' {
		return -1, 0
	}
	return size, i + 2
}
