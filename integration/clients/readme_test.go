package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The table in the README names the versions that are pinned here.
func TestReadmeNamesThePinnedVersions(t *testing.T) {
	readme := read(t, "../../README.md")
	for name, pin := range map[string]struct{ file, pattern string }{
		"redis-py":   {"python/redis-py.txt", `redis==(.+)`},
		"Celery":     {"python/celery.txt", `celery==(.+)`},
		"go-redis":   {"go/go.mod", `go-redis/v9 v(\S+)`},
		"rueidis":    {"go/go.mod", `rueidis v(\S+)`},
		"node-redis": {"node/package.json", `"redis": "(.+)"`},
		"ioredis":    {"node/package.json", `"ioredis": "(.+)"`},
		"BullMQ":     {"node/package.json", `"bullmq": "(.+)"`},
		"Jedis":      {"java/pom.xml", `jedis</artifactId>\s+<version>(.+)</version>`},
		"Lettuce":    {"java/pom.xml", `lettuce-core</artifactId>\s+<version>(.+)\.RELEASE</version>`},
		"redis-rs":   {"rust/Cargo.toml", `redis = \{ version = "=([^"]+)"`},
	} {
		pinned := regexp.MustCompile(pin.pattern).FindStringSubmatch(read(t, pin.file))
		if pinned == nil {
			t.Errorf("%s pins no %s", pin.file, name)
			continue
		}
		row := regexp.MustCompile(`(?m)^\| ` + name + `[^|]*\| ([^|]+) \|`).FindStringSubmatch(readme)
		if row == nil || row[1] != strings.TrimSpace(pinned[1]) {
			t.Errorf("%s: README has %q, %s pins %q", name, row, pin.file, pinned[1])
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
