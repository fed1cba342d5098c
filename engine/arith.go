package engine

import "math/bits"

// sum is a + b - c; false when the result leaves the 64-bit range. What lies
// between may leave it: the sum is formed in 128 bits.
func sum(a, b, c int64) (int64, bool) {
	lo, carry := bits.Add64(uint64(a), uint64(b), 0)
	hi, _ := bits.Add64(uint64(a>>63), uint64(b>>63), carry)
	lo, borrow := bits.Sub64(lo, uint64(c), 0)
	hi, _ = bits.Sub64(hi, uint64(c>>63), borrow)
	return int64(lo), hi == uint64(int64(lo)>>63)
}
