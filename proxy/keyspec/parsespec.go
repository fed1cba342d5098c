package keyspec

// parseSpec reads a key specification, and reports false if it leaves the place
// of the keys open or is none that is understood.
func parseSpec(m map[string]any) (s spec, ok bool) {
	begin, find := fields(m["begin_search"]), fields(m["find_keys"])
	where, how := fields(begin["spec"]), fields(find["spec"])
	return s, s.parseBegin(begin["type"], where) && s.parseFind(find["type"], how)
}

func (s *spec) parseBegin(kind any, where map[string]any) (ok bool) {
	switch kind {
	case "index":
		s.at, ok = integer(where["index"])
		return ok && s.at > 0
	case "keyword":
		word, _ := where["keyword"].(string)
		s.word = lower(word)
		s.at, ok = integer(where["startfrom"])
		if s.at == 0 {
			s.at = 1
		}
		return ok && word != ""
	}
	return false
}

func (s *spec) parseFind(kind any, how map[string]any) bool {
	step, ok := integer(how["keystep"])
	s.step = max(step, 1)
	switch kind {
	case "range":
		var ok1, ok2 bool
		s.last, ok1 = integer(how["lastkey"])
		s.limit, ok2 = integer(how["limit"])
		return ok && ok1 && ok2
	case "keynum":
		s.counted = true
		var ok1, ok2 bool
		s.numAt, ok1 = integer(how["keynumidx"])
		s.first, ok2 = integer(how["firstkey"])
		return ok && ok1 && ok2 && s.numAt >= 0 && s.first >= 0
	}
	return false
}

// fields reads a map, which is an array of names and values in RESP2.
func fields(v any) map[string]any {
	m := make(map[string]any)
	switch v := v.(type) {
	case []any:
		for i := 0; i+1 < len(v); i += 2 {
			if name, ok := v[i].(string); ok {
				m[name] = v[i+1]
			}
		}
	case map[any]any:
		for name, value := range v {
			if name, ok := name.(string); ok {
				m[name] = value
			}
		}
	}
	return m
}

// mostPlaces is more than any command has arguments, and small enough to reckon with.
const mostPlaces = 1 << 30

func integer(v any) (n int, ok bool) {
	i, ok := v.(int64)
	return int(i), ok && -mostPlaces < i && i < mostPlaces
}
