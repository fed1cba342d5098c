package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The root of the repository, seen from here.
const root = "../.."

func TestComposePassesTheVersion(t *testing.T) {
	var compose struct {
		Services struct {
			Proxy struct {
				Build struct{ Args map[string]string }
			}
		}
	}
	data, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &compose); err != nil {
		t.Fatal(err)
	}
	if got, want := compose.Services.Proxy.Build.Args["VERSION"], "${VERSION:-unversioned}"; got != want {
		t.Errorf("the proxy is built with VERSION=%q, want %q", got, want)
	}
}

func TestDockerfileHasAVersionByDefault(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`(?m)^ARG VERSION=unversioned$`, `-X main\.version=\$\{VERSION:-unversioned\}`} {
		if !regexp.MustCompile(want).Match(data) {
			t.Errorf("the Dockerfile has no %s", want)
		}
	}
}

func TestMakeRedisNeedsDocker(t *testing.T) {
	bin := t.TempDir()
	// A client without an engine, as the real ones are: many lines.
	for _, name := range []string{"docker", "docker-compose"} {
		script := "#!/bin/sh\n[ \"$1 $2\" = 'compose version' ] && exit 0\necho 'Traceback (most recent call last):' >&2\nexit 1\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, target := range []string{"redis-up", "redis-down"} {
		cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "-C", root, target)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LC_ALL=C", "MAKEFLAGS=", "MAKELEVEL=")
		out, err := cmd.CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		want := "make " + target + ` needs a running Docker engine, and "docker info" finds none`
		// The second line is make's own.
		if err == nil || lines[0] != want || len(lines) > 2 {
			t.Errorf("%s: %v, want an error and the line %s:\n%s", target, err, want, out)
		}
	}
}
