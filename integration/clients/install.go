package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// installer puts libraries and built programs into a cache directory; nothing
// is written beside the sources.
type installer struct {
	cache   string
	sources string
}

// step is one command of installing, or several, one after the other.
type step struct {
	name     string // of its directory in the cache; steps of one name are one
	commands []*exec.Cmd
}

// newInstaller returns an installer for a cache directory, which it makes. It
// has to run in the module's directory.
func newInstaller(cache string) (*installer, error) {
	cache, err := filepath.Abs(cache)
	if err != nil {
		return nil, err
	}
	sources, err := filepath.Abs(filepath.Join("integration", "clients"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(sources, "python")); err != nil {
		return nil, fmt.Errorf("to be run in the module's directory: %w", err)
	}
	return &installer{cache, sources}, os.MkdirAll(cache, 0o755)
}

// at is a path in the cache, source one beside this file.
func (in *installer) at(parts ...string) string {
	return filepath.Join(append([]string{in.cache}, parts...)...)
}

func (in *installer) source(parts ...string) string {
	return filepath.Join(append([]string{in.sources}, parts...)...)
}

// install runs what the clients need, each step once.
func (in *installer) install(ctx context.Context, clients []client) error {
	done := map[string]bool{}
	for _, c := range clients {
		if done[c.needs.name] {
			continue
		}
		done[c.needs.name] = true
		start := time.Now()
		for _, cmd := range c.needs.commands {
			if err := ctx.Err(); err != nil {
				return err
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("installing %s: %s: %w\n%s", c.needs.name, strings.Join(cmd.Args, " "), err, out)
			}
		}
		fmt.Fprintf(os.Stderr, "installed %s, %.1f s\n", c.needs.name, time.Since(start).Seconds())
	}
	return nil
}

// venv is a Python environment with what a file of requirements names.
func (in *installer) venv(name string) step {
	return step{name, []*exec.Cmd{
		exec.Command("python3", "-m", "venv", in.at(name)),
		exec.Command(in.at(name, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--no-deps", "--requirement", in.source("python", name+".txt")),
	}}
}

// goPrograms builds the Go programs. They are a module of their own, so that
// the proxy's does not depend on what they use.
func (in *installer) goPrograms() step {
	build := exec.Command("go", "build", "-o", in.at("go")+string(filepath.Separator), "./...")
	build.Dir = in.source("go")
	return step{"go", []*exec.Cmd{exec.Command("mkdir", "-p", in.at("go")), build}}
}

// nodeModules installs what the lock file names and puts the programs beside it,
// where they find it. "npm ci" would do, but wants every optional package of
// every other platform to be served.
func (in *installer) nodeModules() step {
	install := exec.Command("npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = in.at("node")
	return step{"node", []*exec.Cmd{
		exec.Command("mkdir", "-p", in.at("node")),
		exec.Command("cp", "-R", in.source("node")+"/.", in.at("node")),
		install,
	}}
}

// javaPrograms fetches the jars that the manifest names, and compiles.
func (in *installer) javaPrograms() step {
	lib, classes := in.at("java", "lib"), in.at("java", "classes")
	sources, _ := filepath.Glob(in.source("java", "*.java")) // the pattern is sound
	javac := []string{"-d", classes, "-cp", filepath.Join(lib, "*")}
	return step{"java", []*exec.Cmd{
		exec.Command("mvn", "--quiet", "--batch-mode", "--file", in.source("java", "pom.xml"),
			"dependency:copy-dependencies", "-DoutputDirectory="+lib),
		exec.Command("javac", append(javac, sources...)...),
	}}
}

func (in *installer) rustProgram() step {
	return step{"rust", []*exec.Cmd{
		exec.Command("cargo", "build", "--quiet", "--locked",
			"--manifest-path", in.source("rust", "Cargo.toml"), "--target-dir", in.at("rust")),
	}}
}
