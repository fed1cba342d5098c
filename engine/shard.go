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
	// mu guards the following fields, and the fields of every cell in cells.
	cells  map[string]*cell
	closed bool // the partition has left the engine: look it up again
	// held are the holds on ordinary keys.
	held map[string]int

	_ [32]byte // keeps two shards' locks off one cache line
}

// cellLocked returns the counter's cell, making an empty one if there is none.
func (s *shard) cellLocked(name []byte) (c *cell, made bool) {
	if c = s.cells[string(name)]; c != nil {
		return c, false
	}
	c = &cell{name: string(name), baseAt: never}
	s.putLocked(c)
	return c, true
}

// putLocked adds a cell that is not there.
func (s *shard) putLocked(c *cell) {
	if s.cells == nil {
		s.cells = make(map[string]*cell)
	}
	s.cells[c.name] = c
}

// dropLocked removes a cell. A map does not shrink, so an empty one is let go.
func (s *shard) dropLocked(c *cell) {
	delete(s.cells, c.name)
	if len(s.cells) == 0 {
		s.cells = nil
	}
}

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
	for _, c := range s.cells {
		f(s, c)
	}
}
