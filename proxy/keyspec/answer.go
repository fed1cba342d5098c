package keyspec

// Span is a set of databases.
type Span uint8

const (
	Nowhere    Span = iota
	Here            // the connection's database
	Everywhere      // every database
)

func (s Span) String() string {
	switch s {
	case Nowhere:
		return "nowhere"
	case Here:
		return "here"
	}
	return "everywhere"
}

// Answer is what a command touches. The zero Answer touches nothing.
type Answer struct {
	// Keys are those known by name, in the connection's database: parts of the
	// command, in the memory that the caller gave. One may be there twice.
	Keys [][]byte
	// Others are keys in databases that the command names: MOVE, COPY … DB, SWAPDB.
	Others []Other
	// Whole is where the command sees or changes which keys there are at all.
	Whole Span
	// Loose is where it may touch other keys than Keys, nobody can tell which.
	Loose Span
	// Flush says that it tells or does something about all that was written
	// before, but sees and changes no key: WAIT, SAVE.
	Flush bool
	// Ask says that only Redis can name the keys: send Question and add what
	// ParseKeys finds; if that fails the command is loose everywhere.
	Ask bool
	// Unknown says that the command is not in the table; it is loose everywhere.
	Unknown bool
	// Reloads says that Redis' table may be another when it is done.
	Reloads bool
}

// Other is a key of another database, or all its keys.
type Other struct {
	DB    int
	Key   []byte
	Whole bool // every key; Key is nil
}

// Nothing reports whether the command touches no key and needs no flush.
func (a *Answer) Nothing() bool {
	return len(a.Keys) == 0 && len(a.Others) == 0 && a.Whole == Nowhere && a.Loose == Nowhere && !a.Flush && !a.Ask
}
