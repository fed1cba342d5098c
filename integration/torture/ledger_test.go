package main

import "testing"

var someAccount = account{"p0.1", "DKC.", "mixed0"}

func alive() bool { return false }

// TestLedgerBounds adds up what is certain and what is not.
func TestLedgerBounds(t *testing.T) {
	l := newLedger()
	l.ack(someAccount, 10, true, alive)
	l.ack(someAccount, -3, false, alive)
	l.doubt(someAccount, 5)
	l.doubt(someAccount, -2)
	wantBounds(t, l, 5, 12)
}

// TestLedgerDeath makes unknown what was acknowledged after the last flush
// that is known to have been carried out.
func TestLedgerDeath(t *testing.T) {
	l := newLedger()
	l.ack(someAccount, 10, true, alive)
	l.mark(someAccount.id)
	l.ack(someAccount, 100, true, alive) // perhaps not in that flush
	l.flushed(someAccount.id)
	l.ack(someAccount, -7, true, alive)
	wantBounds(t, l, 103, 103)
	if n := l.died(someAccount.id, func() {}); n != 2 {
		t.Errorf("%d increments are unknown, want 2", n)
	}
	wantBounds(t, l, 3, 110)
}

// TestLedgerDeathDuringFlush does not take a flush for carried out whose answer
// comes when the process is gone.
func TestLedgerDeathDuringFlush(t *testing.T) {
	l := newLedger()
	l.ack(someAccount, 10, true, alive)
	l.mark(someAccount.id)
	l.died(someAccount.id, func() {})
	l.flushed(someAccount.id)
	wantBounds(t, l, 0, 10)
}

// TestLedgerStop believes what a stopped process says of its losses.
func TestLedgerStop(t *testing.T) {
	l := newLedger()
	l.ack(someAccount, 10, true, alive)
	l.lost(someAccount, 4, true)
	l.stopped(someAccount.id, func() {})
	wantBounds(t, l, 6, 10)
}

// TestLedgerStopPartly does not take the sum of what was lost for all there can
// be: of +18 in the last batch and -168 after it, the first may be there.
func TestLedgerStopPartly(t *testing.T) {
	l := newLedger()
	l.ack(someAccount, 18, true, alive)
	l.ack(someAccount, -168, true, alive)
	l.lost(someAccount, -150, false)
	l.stopped(someAccount.id, func() {})
	wantBounds(t, l, -168, 18)
}

// TestLedgerLateReply does not take a reply for an acknowledgement that is
// entered after its process has ended.
func TestLedgerLateReply(t *testing.T) {
	l := newLedger()
	if l.ack(someAccount, 10, true, func() bool { return true }) {
		t.Error("it was taken")
	}
	if len(l.expected()) != 0 {
		t.Errorf("expected is %v", l.expected())
	}
}

// TestLedgerRebase knows everything again after a check.
func TestLedgerRebase(t *testing.T) {
	l := newLedger()
	l.ack(someAccount, 10, true, alive)
	l.doubt(someAccount, 5)
	l.rebase(map[account]int64{someAccount: 15})
	l.ack(someAccount, 1, true, alive)
	wantBounds(t, l, 16, 16)
}

// wantBounds compares the only account's bounds.
func wantBounds(t *testing.T, l *ledger, from, to int64) {
	t.Helper()
	b := l.expected()[someAccount]
	for n, want := range map[int64]bool{from - 1: false, from: true, to: true, to + 1: false} {
		if b.holds(n) != want {
			t.Errorf("%v holds %d: %v, want %v", b, n, !want, want)
		}
	}
}
