package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	lockName = "lock"
	suffix   = ".journal"
)

// Block is what comes back of a log: records that were written in one piece.
type Block struct {
	// Segment is the number of the segment in which it stands: they only go up.
	Segment uint64
	Records []byte
}

// Recovered is what Open has found.
type Recovered struct {
	// Segments and Size are how many files were there, and their bytes.
	Segments int
	Size     int64
	// Torn is how many bytes at the end were dropped, as their write had not
	// ended, and TornFile and TornAt where they stood. Nobody was told that they
	// were kept.
	Torn     int64
	TornFile string
	TornAt   int64
}

func segmentName(number uint64) string { return fmt.Sprintf("%012d%s", number, suffix) }

// numbersIn lists the segments of a directory, oldest first.
func numbersIn(dir string) (numbers []uint64, err error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		text, found := strings.CutSuffix(entry.Name(), suffix)
		if n, err := strconv.ParseUint(text, 10, 64); found && err == nil && segmentName(n) == entry.Name() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, err
}

// recovery is what a directory holds of a log.
type recovery struct {
	Recovered
	segments []*segment // that a replay needs, oldest first
	behind   []uint64   // segments behind them that were never begun, or given up
	before   []uint64   // segments that they have made needless
}

// recoverDir reads a directory. Nothing is changed.
func recoverDir(dir string) (*recovery, error) {
	numbers, err := numbersIn(dir)
	if err != nil {
		return nil, err
	}
	r := &recovery{}
	for i := len(numbers) - 1; i >= 0; i-- {
		n := numbers[i]
		path := filepath.Join(dir, segmentName(n))
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		r.Segments++
		r.Size += int64(len(data))
		if len(r.segments) > 0 && n+1 != r.segments[0].number {
			return nil, fmt.Errorf("%s: the segments between it and %s are missing", path, segmentName(r.segments[0].number))
		}
		s, err := parse(n, data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if s.torn >= 0 {
			if len(r.segments) > 0 {
				return nil, fmt.Errorf("%s: %w", path, &damage{s.torn, "the record there is damaged, and there are good ones in " + segmentName(r.segments[0].number)})
			}
			r.Torn, r.TornFile, r.TornAt = int64(len(data))-s.torn, path, s.torn
		}
		if s.gap && !s.whole || s.torn == 0 {
			if len(r.segments) > 0 {
				return nil, fmt.Errorf("%s: it was given up, and yet there is %s", path, segmentName(r.segments[0].number))
			}
			r.behind = append(r.behind, n)
			continue
		}
		r.segments = append([]*segment{s}, r.segments...)
		if s.whole {
			for _, older := range numbers[:i] {
				info, err := os.Stat(filepath.Join(dir, segmentName(older)))
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil {
					return nil, err
				}
				r.Segments++
				r.Size += info.Size()
			}
			r.before = numbers[:i]
			return r, nil
		}
	}
	if len(numbers) > 0 && numbers[0] != 1 {
		return nil, fmt.Errorf("%s: the segments before it are missing", filepath.Join(dir, segmentName(numbers[0])))
	}
	return r, nil
}
