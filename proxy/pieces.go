package proxy

// streamFrom is the length from which a command is handed out in pieces if it
// may be: what does not fit a pooled buffer. That begins when maxPark of it has
// come: a header alone costs Redis no connection.
const streamFrom = bufferSize

// begin is called when the command being framed is not complete. It hands out
// what there is of one that is big and may be handed out in pieces. What a
// client sends before it has authenticated is never big.
func (f *framer) begin(arena [][]byte) (request, [][]byte, bool) {
	named := len(f.marks) > 0 || f.state == wantBulk && f.bulk >= streamFrom
	if f.mayStream == nil || f.asked || !f.trusted || f.err != "" || !named || len(f.buf)-f.start < maxPark || f.need() < streamFrom {
		return request{}, arena, false
	}
	f.asked = true
	from := len(arena)
	for i := 0; i < min(len(f.marks), 4); i += 2 { // no more say what it is
		arena = append(arena, f.buf[f.start+f.marks[i]:f.start+f.marks[i+1]])
	}
	args := arena[from:len(arena):len(arena)]
	if !f.mayStream(args) {
		return request{}, arena[:from], false
	}
	f.streams, f.marks = true, nil
	raw, _ := f.piece()
	return request{raw: raw, args: args, part: true}, arena, true
}

// piece returns the bytes of the command handed out in pieces that have come
// and are as they should be; done tells that it is complete. Nothing means that
// more bytes are needed, or that err is set.
func (f *framer) piece() (raw []byte, done bool) {
	for f.streams && f.err == "" && !done {
		if f.state == wantBulk {
			n := min(f.bulk, len(f.buf)-f.pos)
			f.pos, f.bulk = f.pos+n, f.bulk-n
			if f.bulk > 0 || len(f.buf) < f.pos+2 {
				break
			}
			f.buf[f.pos], f.buf[f.pos+1] = '\r', '\n'
			f.pos += 2
			f.line, f.state = f.pos, wantBulkLen
			f.left--
			done = f.left == 0
		} else if !f.bulkLen() {
			break
		}
	}
	end := f.pos
	if f.state == wantBulkLen {
		end = f.line // the header line is not complete
	}
	raw = f.buf[f.start:end:end]
	f.passed += len(raw)
	f.start = end
	if done {
		f.finish()
	}
	return raw, done
}
