package main

import (
	"os"
	"path/filepath"
)

// venv is a Python environment with what a file of requirements names.
func (in *installer) venv(name string) step {
	return step{name, []command{
		do("python3", "-m", "venv", in.at(name)),
		do(in.at(name, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--no-deps", "--requirement", in.source("python", name+".txt")),
	}}
}

// goPrograms builds the Go programs. They are a module of their own, so that
// the proxy's does not depend on what they use.
func (in *installer) goPrograms() step {
	return step{"go", []command{
		do("mkdir", "-p", in.at("go")),
		do("go", "build", "-o", in.at("go")+string(os.PathSeparator), "./...").in(in.source("go")),
	}}
}

// nodeModules installs what the lock file names and puts the programs beside it,
// where they find it. "npm ci" would do, but wants every optional package of
// every other platform to be served.
func (in *installer) nodeModules() step {
	return step{"node", []command{
		do("mkdir", "-p", in.at("node")),
		do("cp", "-R", in.source("node")+"/.", in.at("node")),
		do("npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund").in(in.at("node")),
	}}
}

// javaPrograms fetches the jars that the manifest names, and compiles.
func (in *installer) javaPrograms() step {
	lib, classes := in.at("java", "lib"), in.at("java", "classes")
	sources, _ := filepath.Glob(in.source("java", "*.java")) // the pattern is sound
	return step{"java", []command{
		do("rm", "-rf", lib), // of jars of other versions
		do("mvn", "--quiet", "--batch-mode", "--file", in.source("java", "pom.xml"),
			"dependency:copy-dependencies", "-DoutputDirectory="+lib),
		do(append([]string{"javac", "-d", classes, "-cp", filepath.Join(lib, "*")}, sources...)...),
	}}
}

func (in *installer) rustProgram() step {
	return step{"rust", []command{
		do("cargo", "build", "--quiet", "--locked",
			"--manifest-path", in.source("rust", "Cargo.toml"), "--target-dir", in.at("rust")),
	}}
}
