package engine

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

// shardsPerSet is how many shards the partitions of one namespace and family
// have together; enough that two sessions seldom meet.
const shardsPerSet = 64

// shard is a part of a partition's counters under one lock. Never do I/O under
// it. Allowed order of locks: shard.mu, then partition.mu, then broadcast.mu.
type shard struct {
	mu sync.Mutex
	// mu guards the following fields, and the fields of every cell in the shard.
	cells  map[uint64]*cell // by the hash of the name: half of what the names would take
	twins  map[string]*cell // those whose place in cells another has
	closed bool             // the partition has left the engine: look it up again
	// held are the holds on ordinary keys.
	held map[string]int

	_ [24]byte // keeps two shards' locks off one cache line
}

// cellLocked returns the counter's cell, making an empty one if there is none.
func (s *shard) cellLocked(name []byte) (c *cell, made bool) {
	if c = s.get(name); c != nil {
		return c, false
	}
	c = &cell{name: string(name), baseAt: never}
	s.putLocked(c)
	return c, true
}

// get returns the counter's cell, or nil. The shard is locked.
func (s *shard) get(name []byte) *cell {
	if c := s.cells[hash(name)]; c != nil && c.name == string(name) {
		return c
	}
	return s.twins[string(name)]
}

// named is get for who has a string.
func (s *shard) named(name string) *cell {
	if c := s.cells[xxhash.Sum64String(name)]; c != nil && c.name == name {
		return c
	}
	return s.twins[name]
}

// putLocked adds a cell that is not there.
func (s *shard) putLocked(c *cell) {
	if s.cells == nil {
		s.cells = make(map[uint64]*cell)
	}
	h := xxhash.Sum64String(c.name)
	if s.cells[h] == nil {
		s.cells[h] = c
		return
	}
	if s.twins == nil {
		s.twins = make(map[string]*cell)
	}
	s.twins[c.name] = c
}

// dropLocked removes a cell. A map does not shrink, so an empty one is let go.
func (s *shard) dropLocked(c *cell) {
	if h := xxhash.Sum64String(c.name); s.cells[h] == c {
		if delete(s.cells, h); len(s.cells) == 0 {
			s.cells = nil
		}
		return
	}
	if delete(s.twins, c.name); len(s.twins) == 0 {
		s.twins = nil
	}
}

// empty reports whether there is no cell.
func (s *shard) empty() bool { return len(s.cells)+len(s.twins) == 0 }

// hash places a counter: the partition by hash mod n, as other proxies do it,
// and the shard by bits that do not decide the partition.
func hash(counter []byte) uint64 { return xxhash.Sum64(counter) }

// shardOf returns the shard of a counter by its hash.
func (p *partition) shardOf(h uint64) *shard {
	return &p.shards[(h>>40)%uint64(len(p.shards))]
}

// shardOfCell returns a cell's shard.
func (p *partition) shardOfCell(c *cell) *shard { return p.shardOfName(c.name) }

// shardOfName returns the shard of a counter by its name.
func (p *partition) shardOfName(name string) *shard { return p.shardOf(xxhash.Sum64String(name)) }

// eachCell calls f for every cell, its shard locked. f may drop the cell.
func (p *partition) eachCell(f func(*shard, *cell)) {
	for i := range p.shards {
		p.shards[i].each(f)
	}
}

func (s *shard) each(f func(*shard, *cell)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eachLocked(func(c *cell) { f(s, c) })
}

// eachLocked is each for who has locked the shard.
func (s *shard) eachLocked(f func(*cell)) {
	for _, c := range s.cells {
		f(c)
	}
	for _, c := range s.twins {
		f(c)
	}
}
