package conf

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// value is a kind of setting bound to a field of a Config.
type value interface {
	// set replaces the field by what was written: one string, or several for a
	// setting that may be repeated. The error says what is wrong and never
	// quotes the text; the field is unchanged then.
	set(raw []string) error
	// check reports a field that set could not have made, for Configs that are
	// filled in by hand, and what is out of range.
	check() error
	// allowed describes in words what check lets pass.
	allowed() string
	// String is the field in a form that set accepts, or setYAML.
	String() string
}

// structured is a value that the file may have as more than strings.
type structured interface {
	value
	// setYAML is set for what the file has; the node is no null.
	setYAML(node *yaml.Node) error
}

const (
	kb = 1024
	mb = 1024 * kb
	gb = 1024 * mb
)

var (
	errEmpty = errors.New("it is empty")
	errOnce  = errors.New("it may be given only once")
)

// single is the one string of a setting that may not be repeated. A repeated
// flag is refused, not overridden: whoever repeats it expects something else.
func single(raw []string) (string, error) {
	switch len(raw) {
	case 0: // an empty list in the file
		return "", errEmpty
	case 1:
		return raw[0], nil
	}
	return "", errOnce
}

// fields splits the strings of a repeatable setting at spaces and commas.
func fields(raw []string) []string {
	return strings.FieldsFunc(strings.Join(raw, " "), func(r rune) bool {
		return r == ' ' || r == ',' || r == '\t' || r == '\n'
	})
}

// text is any string but the empty one, which a variable that was not set leaves.
type text struct{ p *string }

func (v *text) set(raw []string) error {
	s, err := single(raw)
	if err == nil && s == "" {
		err = errEmpty
	}
	if err == nil {
		*v.p = s
	}
	return err
}
func (v *text) check() error    { return nil }
func (v *text) allowed() string { return "the path of a YAML file" }
func (v *text) String() string  { return *v.p }

// pemFile is the path of a file with certificates or a key.
type pemFile struct{ text }

func (v *pemFile) allowed() string { return "the path of a PEM file" }

// directory is the path of a directory, which is made if it is not there.
type directory struct{ text }

func (v *directory) allowed() string { return "the path of a directory" }

// boolean is on or off.
type boolean struct{ p *bool }

func (v *boolean) set(raw []string) error {
	s, err := single(raw)
	if err != nil {
		return err
	}
	switch strings.ToLower(s) {
	case "on", "true", "yes", "1":
		*v.p = true
	case "off", "false", "no", "0":
		*v.p = false
	default:
		return errors.New("it is neither on nor off")
	}
	return nil
}
func (v *boolean) check() error    { return nil }
func (v *boolean) allowed() string { return "on or off (true, false, yes, no, 1, 0)" }
func (v *boolean) String() string {
	if *v.p {
		return "on"
	}
	return "off"
}

// integer is a whole number from min to max.
type integer struct {
	p        *int
	min, max int
}

func (v *integer) set(raw []string) error {
	s, err := single(raw)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(s)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return errors.New("it is not a whole number")
	}
	*v.p = n // out of range: Atoi gives the nearest, and check refuses it
	return nil
}
func (v *integer) check() error    { return inRange(*v.p, v.min, v.max) }
func (v *integer) allowed() string { return fmt.Sprintf("%d to %d", v.min, v.max) }
func (v *integer) String() string  { return strconv.Itoa(*v.p) }

// automatic is a whole number up to max, or auto, which is zero.
type automatic struct{ integer }

func (v *automatic) set(raw []string) error {
	if s, err := single(raw); err == nil && strings.ToLower(s) == "auto" {
		*v.p = 0
		return nil
	}
	return v.integer.set(raw)
}
func (v *automatic) allowed() string { return fmt.Sprintf("auto, or 1 to %d", v.max) }
func (v *automatic) String() string {
	if *v.p == 0 {
		return "auto"
	}
	return v.integer.String()
}

// size is a number of bytes from min to max, written with Redis' suffixes.
type size struct {
	p        *int
	min, max int
}

// units are Redis' size suffixes: k is a thousand, kb is 1024.
var units = map[string]int{
	"": 1, "b": 1, "k": 1000, "kb": kb, "m": 1000 * 1000, "mb": mb, "g": 1000 * 1000 * 1000, "gb": gb,
}

func (v *size) set(raw []string) error {
	s, err := single(raw)
	if err != nil {
		return err
	}
	digits := strings.TrimRight(strings.ToLower(s), "bkmg")
	unit, known := units[strings.ToLower(s)[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange), !known:
		return errors.New("it is not a size")
	case n > uint64(math.MaxInt/unit):
		*v.p = math.MaxInt // check refuses it
	default:
		*v.p = int(n) * unit
	}
	return nil
}
func (v *size) check() error { return inRange(*v.p, v.min, v.max) }
func (v *size) allowed() string {
	return fmt.Sprintf("%s to %s, with a suffix b, k, kb, m, mb, g or gb", sizeText(v.min), sizeText(v.max))
}
func (v *size) String() string { return sizeText(*v.p) }

func sizeText(n int) string {
	switch {
	case n >= gb && n%gb == 0:
		return strconv.Itoa(n/gb) + "gb"
	case n >= mb && n%mb == 0:
		return strconv.Itoa(n/mb) + "mb"
	case n >= kb && n%kb == 0:
		return strconv.Itoa(n/kb) + "kb"
	}
	return strconv.Itoa(n)
}

// duration is a time from min to max. With none, zero is allowed too and means
// that there is no bound.
type duration struct {
	p        *time.Duration
	min, max time.Duration
	none     bool
}

func (v *duration) set(raw []string) error {
	s, err := single(raw)
	if err != nil {
		return err
	}
	if v.none && s == "none" {
		*v.p = 0
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		if _, num := strconv.ParseFloat(s, 64); num == nil {
			return errors.New("it has no unit")
		}
		return errors.New("it is not a duration")
	}
	*v.p = d
	return nil
}

func (v *duration) check() error {
	if v.none && *v.p == 0 {
		return nil
	}
	return inRange(*v.p, v.min, v.max)
}

func (v *duration) allowed() string {
	s := fmt.Sprintf("%s to %s, with a unit ms, s, m or h", durationText(v.min), durationText(v.max))
	if v.none {
		s = "none, or " + s
	}
	return s
}

func (v *duration) String() string {
	if v.none && *v.p == 0 {
		return "none"
	}
	return durationText(*v.p)
}

// durationText is d without the zero units that Duration.String writes: 5m, not 5m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// choice is one of a few words.
type choice struct {
	p     *string
	words []string
}

func (v *choice) set(raw []string) error {
	s, err := single(raw)
	if err == nil {
		*v.p = strings.ToLower(s)
	}
	return err
}

func (v *choice) check() error {
	if !slices.Contains(v.words, *v.p) {
		return errors.New("it is not one of the words")
	}
	return nil
}
func (v *choice) allowed() string { return strings.Join(v.words, ", ") }
func (v *choice) String() string  { return *v.p }

func inRange[T int | time.Duration](n, low, high T) error {
	switch {
	case n < low:
		return errors.New("it is too small")
	case n > high:
		return errors.New("it is too large")
	}
	return nil
}
