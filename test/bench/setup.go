package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func cpus() int { return runtime.NumCPU() }

// setUp makes a home of its own with a sandbox in it.
func (b *bench) setUp(ctx context.Context) error {
	var err error
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.archive, err = filepath.Abs("examples/hello/dist/hello.tar.gz"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "skysail-bench-*")
	if err != nil {
		return err
	}
	b.home, b.work = filepath.Join(dir, "home"), filepath.Join(dir, "work")
	if _, err := b.skysail(ctx, "sandbox", "up"); err != nil {
		return err
	}
	out, err := b.skysail(ctx, "sandbox", "env", "-o", "json")
	if err != nil {
		return err
	}
	var env struct {
		Env map[string]string `json:"env"`
	}
	if err := json.Unmarshal(out, &env); err != nil {
		return err
	}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		b.env = append(b.env, name+"="+os.Getenv(name))
	}
	for k, v := range env.Env {
		b.env = append(b.env, k+"="+v)
	}
	return nil
}

func (b *bench) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.bin, args...) //nolint:gosec // the binary that is measured
	cmd.Env = append(os.Environ(), "SKYSAIL_HOME="+b.home)
	return cmd
}

// skysail runs a command to its end.
func (b *bench) skysail(ctx context.Context, args ...string) ([]byte, error) {
	cmd := b.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("skysail %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

// service writes a service and its policy: the clouds in their order, one
// region each.
func (b *bench) service(name string, clouds ...string) (dir string, err error) {
	sum, err := os.ReadFile(b.archive + ".sha256")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(b.work, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	text := fmt.Sprintf(`service %q {
  source {
    native {
      url    = %q
      sha256 = %q
      binary = "hello"
      args   = ["--listen", ":8080"]
    }
  }
  resources {
    cpu       = 1
    memory_gb = 1
  }
  port "http" {
    number = 8080
    public = true
  }
}
`, name, "file://"+b.archive, strings.TrimSpace(string(sum)))
	list, _ := json.Marshal(clouds)
	policy := fmt.Sprintf(`policy {
  providers {
    cost_optimized = %s
    order          = "listed"
  }
  limits {
    regions = ["ewr", "nyc1"]
  }
}
`, list)
	if err := os.WriteFile(filepath.Join(dir, "service.hcl"), []byte(text), 0o600); err != nil { //nolint:gosec // a folder that this program made
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "policy.hcl"), []byte(policy), 0o600)
}

// faults sets what the simulated clouds do wrong; creates are slow or not.
func (b *bench) slow(ctx context.Context, on bool) error {
	if _, err := b.skysail(ctx, "sandbox", "fault", "--clear"); err != nil || !on {
		return err
	}
	_, err := b.skysail(ctx, "sandbox", "fault", "digitalocean", "slow")
	return err
}
