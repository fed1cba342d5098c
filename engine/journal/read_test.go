package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// written makes a log of a directory with one segment of three blocks, and returns
// its file, the file's bytes and the offsets of the blocks.
func written(t *testing.T) (dir, path string, data []byte, offsets []int64) {
	t.Helper()
	dir = t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	for _, record := range []string{"first", "second", "third"} {
		mustCommit(t, l, record)
	}
	kill(l)
	path = filepath.Join(dir, segmentName(1))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse(1, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range s.blocks {
		offsets = append(offsets, b.offset)
	}
	return dir, path, data, offsets
}

// Cut at any byte, the log ends with the last block that is whole.
func TestCutAnywhere(t *testing.T) {
	dir, path, data, offsets := written(t)
	for cut := len(data) - 1; cut >= 0; cut-- {
		if err := os.Truncate(path, int64(cut)); err != nil {
			t.Fatal(err)
		}
		want := ""
		for i, end := range append(offsets[1:], int64(len(data))) {
			if int64(cut) >= end {
				want += []string{"first", "second", "third"}[i]
			}
		}
		if got := contents(t, dir); got != want {
			t.Fatalf("cut at %d: %q came back, want %q", cut, got, want)
		}
	}
}

// Any byte of the last block turned over: it is dropped. Of one before it: the start
// is refused, and told where.
func TestFlippedAnywhere(t *testing.T) {
	dir, path, data, offsets := written(t)
	last := offsets[2]
	for at := range data {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(data)
			bad[at] ^= flip
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := recoverDir(dir)
			switch {
			case int64(at) >= last:
				if err != nil || string(bytes.Join(recordsOf(found), nil)) != "firstsecond" || found.TornAt != last || found.Torn != int64(len(data))-last {
					t.Fatalf("byte %d: %v, %+v", at, err, found)
				}
			case err == nil:
				t.Fatalf("byte %d of %d: nothing was noticed", at, len(data))
			default:
				where := 0
				for _, offset := range offsets {
					if int64(at) >= offset {
						where = int(offset)
					}
				}
				if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fmt.Sprintf("offset %d:", where)) {
					t.Fatalf("byte %d: %v, want %s and offset %d", at, err, path, where)
				}
			}
		}
	}
}

// A block that never reached the disk while a later one did is told, not dropped.
func TestHole(t *testing.T) {
	dir, path, data, offsets := written(t)
	clear(data[offsets[1]:offsets[2]])
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var d *damage
	if _, err := recoverDir(dir); !errors.As(err, &d) || d.offset != offsets[1] {
		t.Fatal(err)
	}
	// Cut there, as the documentation says, it is a log again.
	if err := os.Truncate(path, offsets[1]); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir); got != "first" {
		t.Fatalf("%q came back", got)
	}
}

// A torn end is cut off, so that what follows it is not taken for damage.
func TestTornEndIsCut(t *testing.T) {
	dir, path, data, offsets := written(t)
	for range 3 {
		if err := os.WriteFile(path, append(bytes.Clone(data[:offsets[2]+5]), make([]byte, 100)...), 0o600); err != nil {
			t.Fatal(err)
		}
		l := mustOpen(t, Options{Dir: dir})
		if l.Recovered.Torn != 105 || l.Recovered.TornFile != path || l.Recovered.TornAt != offsets[2] {
			t.Fatalf("%+v", l.Recovered)
		}
		mustCommit(t, l, " and more")
		kill(l)
		if got := contents(t, dir); got != "firstsecond and more" {
			t.Fatalf("%q came back", got)
		}
		if err := os.Remove(filepath.Join(dir, segmentName(2))); err != nil {
			t.Fatal(err)
		}
	}
}

// A segment that is torn with another one behind it is damaged.
func TestTornInTheMiddle(t *testing.T) {
	dir, path, data, offsets := written(t)
	l := mustOpen(t, Options{Dir: dir})
	mustCommit(t, l, "fourth")
	kill(l)
	if err := os.WriteFile(path, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	var d *damage
	if _, err := recoverDir(dir); !errors.As(err, &d) || d.offset != offsets[2] || !strings.Contains(err.Error(), path) {
		t.Fatal(err)
	}
}

func TestMissingSegments(t *testing.T) {
	for missing, want := range map[int]string{1: "missing", 2: "missing", 3: ""} {
		dir, _, _, _ := written(t)
		for range 2 {
			l := mustOpen(t, Options{Dir: dir})
			mustCommit(t, l, "more")
			kill(l)
		}
		if err := os.Remove(filepath.Join(dir, segmentName(uint64(missing)))); err != nil {
			t.Fatal(err)
		}
		_, err := recoverDir(dir)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("without segment %d: %v", missing, err)
		}
	}
}

// What a newer version has written is not touched.
func TestNewerVersion(t *testing.T) {
	dir, path, data, _ := written(t)
	binary.LittleEndian.PutUint32(data[8:], version+1)
	binary.LittleEndian.PutUint32(data[fileHeader-4:], crc32.Checksum(data[:fileHeader-4], castagnoli))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: dir}, nil)
	if err == nil || !strings.Contains(err.Error(), "newer version") || !strings.Contains(err.Error(), path) {
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, data) {
		t.Error("it was changed")
	}
}

// A segment is good under its own name alone.
func TestRenamedSegment(t *testing.T) {
	dir, path, _, _ := written(t)
	if err := os.Rename(path, filepath.Join(dir, segmentName(2))); err != nil {
		t.Fatal(err)
	}
	if _, err := recoverDir(dir); err == nil {
		t.Fatal("it was taken")
	}
}

// Whatever bytes a segment has, reading it ends, and every block that it gives was
// written as a block: at its place, with its checksum.
func FuzzSegment(f *testing.F) {
	good := makeHeader(1, 0)
	for _, record := range []string{"first", "", "DKjb"} {
		b := append(make([]byte, prefix), record...)
		seal(b, kindRecords, 1, int64(len(good)))
		good = append(good, b...)
	}
	whole := make([]byte, prefix)
	seal(whole, kindWhole, 1, int64(len(good)))
	for _, seed := range [][]byte{nil, good, append(bytes.Clone(good), whole...), good[:len(good)-1], good[:fileHeader], good[fileHeader:],
		append(bytes.Clone(good), make([]byte, 64)...), makeHeader(1, flagGap), makeHeader(2, 0)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		s, err := parse(1, data)
		if !bytes.Equal(before, data) {
			t.Fatal("reading has changed it")
		}
		if err != nil {
			return
		}
		if s.torn < 0 && len(data) < fileHeader {
			t.Fatalf("%d bytes are said to be whole", len(data))
		}
		at := int64(fileHeader)
		for _, b := range s.blocks {
			if s.torn >= 0 && b.offset >= s.torn || b.offset < at {
				t.Fatalf("a block at %d, torn at %d, after %d", b.offset, s.torn, at)
			}
			again := append(make([]byte, prefix), b.records...)
			seal(again, kindRecords, 1, b.offset)
			if !bytes.Equal(again, data[b.offset:b.offset+int64(len(again))]) {
				t.Fatalf("the block at %d was never written", b.offset)
			}
			at = b.offset + int64(len(again))
		}
	})
}
