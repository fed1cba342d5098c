package engine

import (
	"testing"
)

// A copy of a batch that was applied may have had more increments than the one that is
// answered, as clients have given theirs up meanwhile: what it was told of them belongs
// to none of those that are left.
func TestAnswerToACopyWithMoreOperations(t *testing.T) {
	words := func(values ...any) []any { return append([]any{"seen", "", int64(1), []any{}}, values...) }
	carried := []carried{{c: &cell{name: "a"}}}
	incs := []*opReq{{kind: opInc, name: "b"}, {kind: opGet, name: "d"}}
	out := answer{status: "seen", payload: "i1=O i3=N i4=O o1=1,7,0 v=5,-,-"}
	if err := out.parseStringsBatch(words(int64(1), int64(2)), &round{carried: carried, ops: incs}); err != nil {
		t.Fatal(err)
	}
	if len(out.refused) != 1 || out.refused[1] != ErrOverflow {
		t.Errorf("refused: %v", out.refused)
	}
	if got := out.results[0]; got.Err != ErrUnknown {
		t.Errorf("an increment: %+v, want an unknown outcome", got)
	}
	if got := out.results[1]; got.Err != nil || got.Value.Total != 7 {
		t.Errorf("a read: %+v, want 7", got)
	}
	same := answer{status: "seen", payload: "o1=1,7,0 v=5"}
	if err := same.parseStringsBatch(words(int64(1), int64(9)), &round{carried: carried, ops: incs}); err != nil || same.results[0].Value.Total != 5 {
		t.Errorf("the same copy: %+v, %v; want what was told, 5", same.results, err)
	}
	before := answer{status: "seen", payload: "i1=O i2=N o1=1,7,0 v=-"}
	if err := before.parseStringsBatch(words(int64(1)), &round{carried: carried, replayed: true, was: incs}); err != nil || len(before.refused) != 1 {
		t.Errorf("of a process before: %v, refused %v", err, before.refused)
	}
}
