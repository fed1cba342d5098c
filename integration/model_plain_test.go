package integration

// model is what instance-aware counters are: slices, of which the total is the
// sum, and what burials took away.
type model struct {
	slices map[string]map[string]int64 // counter -> instance -> slice
	buried map[string]map[string]int64 // the same, of instances that may return
}

func newModel() model {
	return model{make(map[string]map[string]int64), make(map[string]map[string]int64)}
}

func (m model) read(id, counter string) (total, mine int64) {
	for _, slice := range m.slices[counter] {
		total += slice
	}
	return total, m.slices[counter][id]
}

func (m model) setSlice(id, counter string, v int64) {
	if m.slices[counter] == nil {
		m.slices[counter] = make(map[string]int64)
	}
	m.slices[counter][id] = v
}

func (m model) add(id, counter string, n int64) {
	m.setSlice(id, counter, m.slices[counter][id]+n)
}

// set makes all other slices void, buried ones too.
func (m model) set(id, counter string, v int64) {
	m.del(counter)
	m.setSlice(id, counter, v)
}

func (m model) del(counter string) {
	delete(m.slices, counter)
	delete(m.buried, counter)
}

func (m model) bury(id string) { move(m.slices, m.buried, id) }

func (m model) restore(id string) { move(m.buried, m.slices, id) }

func move(from, to map[string]map[string]int64, id string) {
	for counter, slices := range from {
		if slice, ok := slices[id]; ok {
			delete(slices, id)
			if to[counter] == nil {
				to[counter] = make(map[string]int64)
			}
			to[counter][id] += slice
		}
	}
}

// conditional carries out INC, DEC, SETI or SET and returns the reply.
func (m model) conditional(id, verb, counter string, n int64, cond condition) []int64 {
	total, mine := m.read(id, counter)
	compared := total
	if verb == "SETI" {
		compared = mine
	}
	applied := int64(0)
	if cond.holds(compared) {
		applied = 1
		switch verb {
		case "INC":
			m.add(id, counter, n)
		case "DEC":
			m.add(id, counter, -n)
		case "SETI":
			m.setSlice(id, counter, n)
		case "SET":
			m.set(id, counter, n)
		}
	}
	newTotal, newMine := m.read(id, counter)
	if cond.op == "" {
		return []int64{newTotal, newMine}
	}
	return []int64{applied, newTotal, newMine, total, mine}
}
