package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"skysail/deploy"
	"skysail/policies"
)

// engine is a program that runs bundles.
type engine struct {
	name string // as policies name it
	path string // "" where there is none to test with
}

// engines are Terraform, and OpenTofu where `make tools` has built it or PATH
// has it.
func engines(t *testing.T) []engine {
	t.Helper()
	out := []engine{{name: policies.EngineTerraform}, {name: policies.EngineTofu}}
	var err error
	if out[0].path, err = exec.LookPath("terraform"); err != nil {
		t.Fatal("these tests drive the real Terraform: install it and put it on PATH")
	}
	built, err := filepath.Abs(filepath.Join("..", "bin", "tools", "tofu"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(built); err == nil {
		out[1].path = built
	} else if onPath, err := exec.LookPath("tofu"); err == nil {
		out[1].path = onPath
	}
	return out
}

// use makes a deployer use the engine.
func (e engine) use(o *deploy.Options) {
	p := *o.Policy
	p.Engine = e.name
	o.Policy, o.Terraform = &p, e.path
}
