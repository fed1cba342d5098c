package proxy

// Limits bound what one client may send. A zero field means the default.
type Limits struct {
	// MaxBulk is the longest argument in bytes. Default 512 MB.
	MaxBulk int
	// MaxArgs is the largest number of arguments of one command, its name
	// included. Default 1024*1024.
	MaxArgs int
	// MaxQueryBuffer is the largest command in bytes, framing included. A
	// client that passes it is closed without a reply, as by Redis. Default 1 GB.
	MaxQueryBuffer int
}

// maxLine is the longest inline command or header line, as in Redis.
const maxLine = 64 << 10

func (l Limits) withDefaults() Limits {
	setDefault(&l.MaxBulk, 512<<20)
	setDefault(&l.MaxArgs, 1<<20)
	setDefault(&l.MaxQueryBuffer, 1<<30)
	return l
}

func setDefault[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}
