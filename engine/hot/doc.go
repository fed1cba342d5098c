// Package hot watches ordinary commands and tells which keys it would pay to
// answer from memory, and how much.
//
//	o := hot.New(hot.Options{FlushInterval: 20 * time.Millisecond, AllowedLag: 20 * time.Millisecond})
//	o.See(db, hot.ClassOf(name), keys...) // for each command that goes to Redis
//	for _, k := range o.Top(10) {
//		fmt.Println(k.Name, k.Increments, k.Saved(), k.Verdict())
//	}
//
// It keeps 4096 keys, those with most increments, by the Space-Saving algorithm,
// 16 of each 256th part of all keys; and sums over all of them. It does not ask or change
// anything, and starts no goroutine.
//
// # What the figures are
//
// A key's figures count from when it became known, and halve every HalfLife, so
// that yesterday's hot keys fade: after an hour a command counts for less than
// two per cent. Sums count since the start. How many increments of a key may have
// come before it was known is bounded by Missed, and that by a sixteenth of the
// increments of its part of all keys. A key with more increments than that is
// always known.
//
// What lax would have saved is played through for each known key on its own: see
// Tally. Reads of a key that is not known count as loads: nobody knows better.
// So what is estimated is rather too little than too much.
package hot
