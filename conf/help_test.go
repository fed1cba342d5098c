package conf

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHelpListsEverySettingInOneLine(t *testing.T) {
	c := Default()
	lines := strings.Split(Help(), "\n")
	for _, s := range settings(&c) {
		found := 0
		for _, line := range lines {
			if strings.HasPrefix(line, "  --"+s.name+" ") && strings.HasSuffix(line, "("+s.byDefault()+")") && strings.Contains(line, s.help) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s with its default is in %d lines, want 1", s.name, found)
		}
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 100 {
			t.Errorf("longer than 100 columns: %s", line)
		}
	}
}

func TestDescribeTellsValueAndSource(t *testing.T) {
	c := load(t, map[string]string{"REDIS_URL": "redis://:secret@h"}, "--partitions", "2")
	for _, want := range []string{
		"redis              redis://:***@h (REDIS_URL)\n",
		"partitions         2 (--partitions)\n",
		"flush-interval     20ms (default)\n",
	} {
		if !strings.Contains(c.Describe(), want) {
			t.Errorf("%q is not in:\n%s", want, c.Describe())
		}
	}
}

func TestDescribeTellsTheEmbeddedRedis(t *testing.T) {
	if got, want := load(t, nil).Describe(), "redis              an embedded in-memory Redis (default)\n"; !strings.Contains(got, want) {
		t.Errorf("%q is not in:\n%s", want, got)
	}
}

func TestDescribeTellsAllOfTheURLButThePassword(t *testing.T) {
	c := load(t, nil, "--redis", "unix://u:pw@/tmp/s.sock?db=3&client_name=me")
	if want := "redis              unix://u:***@/tmp/s.sock?db=3&client_name=me (--redis)\n"; !strings.Contains(c.Describe(), want) {
		t.Errorf("%q is not in:\n%s", want, c.Describe())
	}
}
