package engine

// Value is what a counter reads: its cluster-wide total and, in the
// instance-aware families, what this instance has contributed to it.
// Plain families leave Mine at zero.
type Value struct {
	Total, Mine int64
}

// Key names one counter. Both parts may alias a request buffer: the engine
// copies what it keeps beyond the call.
type Key struct {
	// Namespace is never empty: ParseKey fills in the default.
	Namespace []byte
	Counter   []byte
}

// Cond is the condition of a conditional item. The zero value is "no condition".
type Cond struct {
	Op      Comparator
	Operand int64
}

// Item is one counter's part of an INC, SET or SETI.
type Item struct {
	Key  Key
	N    int64 // the delta of Inc, the value of Set and SetI
	Cond Cond
}

// Result is the outcome of one item.
type Result struct {
	// Err is why this item, and only this one, failed; nothing changed then.
	Err error
	// Applied is false when the condition did not hold.
	Applied bool
	// Value is the counter after the item, Prev before it.
	Value, Prev Value
}

// Instance is one contributor of a partition, as Redis knows it.
type Instance struct {
	ID string
	// IdleMillis is the time since its last heartbeat, by Redis' clock.
	IdleMillis int64
	// Alive is false once IdleMillis has reached dead_after.
	Alive bool
}

// ScanItem is one counter found by Scan.
type ScanItem struct {
	Counter string
	Value   Value
}

// Comparator compares a counter's current value (left) with an operand (right).
type Comparator uint8

// The comparators of IF. None always holds.
const (
	None Comparator = iota
	EQ
	NE
	LT
	LE
	GT
	GE
)

// Holds reports whether current <op> operand.
func (c Cond) Holds(current int64) bool {
	switch c.Op {
	case EQ:
		return current == c.Operand
	case NE:
		return current != c.Operand
	case LT:
		return current < c.Operand
	case LE:
		return current <= c.Operand
	case GT:
		return current > c.Operand
	case GE:
		return current >= c.Operand
	}
	return true
}

// String is the comparator's name as the scripts know it; "" for None.
func (c Comparator) String() string {
	return [...]string{"", "eq", "ne", "lt", "le", "gt", "ge"}[c]
}
