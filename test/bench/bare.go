package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// kept is a copy of a deployment's bundle, as a person would run it by hand.
type kept struct{ bundle, private string }

// keep copies the bundle and its private variables of a deployment's first
// attempt: no state, no plan, no lock file.
func (b *bench) keep(id string) (kept, error) {
	from := filepath.Join(b.home, "deployments", id, "attempt-1")
	to := filepath.Join(filepath.Dir(b.home), "bare", id)
	k := kept{bundle: filepath.Join(to, "bundle"), private: filepath.Join(to, "private")}
	if err := os.MkdirAll(k.private, 0o700); err != nil {
		return k, err
	}
	if err := os.CopyFS(k.bundle, os.DirFS(filepath.Join(from, "bundle"))); err != nil {
		return k, err
	}
	if err := os.RemoveAll(filepath.Join(k.bundle, ".terraform.lock.hcl")); err != nil {
		return k, err
	}
	vars, err := filepath.Glob(filepath.Join(from, "private", "*.tfvars.json"))
	if err != nil || len(vars) != 1 {
		return k, fmt.Errorf("private variables in %s: %v, %w", from, vars, err)
	}
	data, err := os.ReadFile(vars[0])
	if err != nil {
		return k, err
	}
	return k, os.WriteFile(filepath.Join(k.private, filepath.Base(vars[0])), data, 0o600) //nolint:gosec // a folder that this program made
}

func (k kept) variables() string {
	vars, _ := filepath.Glob(filepath.Join(k.private, "*.tfvars.json"))
	return "-var-file=" + strings.Join(vars, ",")
}

// terraform runs a command and returns the seconds of processor that it and
// all that it started used.
func (b *bench) terraform(ctx context.Context, k kept, args ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, "terraform", append(args, "-no-color", "-input=false")...) //nolint:gosec // from above
	cmd.Dir = k.bundle
	cmd.Env = append(b.env, "TF_DATA_DIR="+filepath.Join(k.private, "terraform"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("terraform %s: %w\n%s", args[0], err, out)
	}
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, fmt.Errorf("terraform %s: this system does not tell what it used", args[0])
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds(), nil
}

// bare is what a person types: init and apply.
func (b *bench) bare(ctx context.Context, k kept) (taken, error) {
	began := time.Now()
	init, err := b.terraform(ctx, k, "init", "-backend-config=path="+filepath.Join(k.private, "terraform.tfstate"))
	if err != nil {
		return taken{}, err
	}
	apply, err := b.terraform(ctx, k, "apply", "-auto-approve", k.variables())
	return taken{applied: time.Since(began).Seconds(), cpu: init + apply}, err
}

func (b *bench) bareDestroy(ctx context.Context, k kept) error {
	if _, err := b.terraform(ctx, k, "destroy", "-auto-approve", k.variables()); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Dir(k.bundle))
}

// manyAtOnce compares many deploys with as many bare runs.
func (b *bench) manyAtOnce(ctx context.Context, what string, slow bool) error {
	if err := b.slow(ctx, slow); err != nil {
		return err
	}
	for i := range b.many {
		if _, err := b.service(fmt.Sprintf("bench-%02d", i), "digitalocean"); err != nil {
			return err
		}
	}
	ours, err := b.deploy(ctx, b.work, "--parallel", fmt.Sprint(b.parallel))
	if err != nil {
		return err
	}
	bundles := make([]kept, len(ours.ids))
	for i, id := range ours.ids {
		if bundles[i], err = b.keep(id); err != nil {
			return err
		}
	}
	if _, err := b.skysail(ctx, "destroy", "--all", "--auto-approve", "--parallel", fmt.Sprint(b.parallel)); err != nil {
		return err
	}
	began := time.Now()
	var cpu atomic.Int64
	err = b.each(ctx, bundles, func(ctx context.Context, k kept) error {
		t, err := b.bare(ctx, k)
		cpu.Add(int64(t.cpu * 1e9))
		return err
	})
	bare := time.Since(began).Seconds()
	if err != nil {
		return err
	}
	if err := b.each(ctx, bundles, b.bareDestroy); err != nil {
		return err
	}
	fmt.Printf("\n**%d deploys, %d side by side, %s**, until the last apply has ended\n\n", b.many, b.parallel, what)
	fmt.Printf("| | skysail | bare Terraform | ratio |\n|---|---|---|---|\n")
	fmt.Printf("| wall, s | %.1f | %.1f | %.2f |\n", ours.applied, bare, ours.applied/bare)
	bareCPU := time.Duration(cpu.Load()).Seconds()
	fmt.Printf("| CPU, s | %.1f | %.1f | %.2f |\n", ours.cpu, bareCPU, ours.cpu/bareCPU)
	fmt.Printf("| until all are healthy, s | %.1f | does not wait | |\n", ours.healthy)
	return os.RemoveAll(b.work)
}

func (b *bench) each(ctx context.Context, bundles []kept, do func(context.Context, kept) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.parallel)
	for _, k := range bundles {
		g.Go(func() error { return do(ctx, k) })
	}
	return g.Wait()
}
