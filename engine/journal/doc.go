// Package journal keeps a log of records in a directory, so that what was
// accepted in memory survives the process.
//
//	log, err := journal.Open(journal.Options{Dir: dir}, replay)
//	…
//	buf := log.Begin()      // one record or several, under the log's lock
//	buf = append(buf, …)
//	pos := log.End(buf)
//	…
//	err = log.Commit(pos)   // now it is in the system's hands
//
// It does not know what a record says, nor where one ends: what is appended
// between two commits is written in one piece, a block, and comes back in one
// piece.
//
// # Promises
//
// Blocks come back in the order in which they were appended. What Commit has
// said yes to comes back whatever becomes of the process; what Sync has said
// yes to, whatever becomes of the machine, unless the policy is Never. A block
// that is torn at the end of the log was never said yes to: it is dropped, and
// Recovered tells. Nothing else is ever dropped: a block that is damaged with a
// good one behind it, or a segment that is missing, is an error with file and offset.
//
// # Segments
//
// The log is a row of files. Rotate begins a new one; the user then states anew
// what it still needs of the older ones, and Whole says that it has: then they are
// removed, and a replay begins with the new one. Until then, it begins with the
// older ones, and what is said twice must mean the same as said once.
//
// # Failure
//
// When a write or a sync fails the log is failing: Commit returns the error, what
// is appended is dropped, and the files stay as they are. Rotate begins a new
// segment nevertheless, which a replay does not look at before Whole has
// succeeded: with that the log is well again.
//
// # On disk
//
// A segment is a header and blocks, all integers little-endian:
//
//	header  "DKJOURNL", version u32, flags u32, number u64, crc32c of these u32
//	block   "DKjb", length u32, crc32c u32, payload
//
// A block's checksum is of the segment's number, the block's offset, length and
// payload, so that a block is good only where it was written. The payload begins
// with a byte: 0 before records, 1 for the mark that Whole sets.
package journal
