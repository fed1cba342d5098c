package engine

// Family is one of the four kinds of counter, or the ordinary keys that are
// treated as counters. The families never see each other's counters: each has
// containers of its own in Redis.
type Family uint8

// The families. Lax ones answer from memory, strict ones from Redis;
// instance-aware ones also know who contributed what.
const (
	LaxInstance    Family = iota // DK.
	StrictInstance               // DKS.
	LaxPlain                     // DKC.
	StrictPlain                  // DKCS.
	families

	// Ordinary are the string keys that match one of Options.Lax.
	Ordinary = families
)

// Container is the family's part of a key name in Redis; the names are those
// of the distkit crate, so that its users share the counters.
func (f Family) Container() string {
	return [...]string{
		LaxInstance:    "lax_instance_aware_counter",
		StrictInstance: "instance_aware_counter",
		LaxPlain:       "lax_counter",
		StrictPlain:    "strict_counter",
		Ordinary:       "ordinary",
	}[f]
}

// Lax reports whether the family is answered from memory.
func (f Family) Lax() bool { return f == LaxInstance || f == LaxPlain || f == Ordinary }

// InstanceAware reports whether the family keeps slices per instance.
func (f Family) InstanceAware() bool { return f == LaxInstance || f == StrictInstance }

// String is the family's container name.
func (f Family) String() string { return f.Container() }
