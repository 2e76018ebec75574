// Command bench compares skysail with bare Terraform in one run, on simulated
// clouds: the same bundles, the same stand-in plugins, one after the other by
// turns. It prints ratios; docs/benchmarks.md says what is compared and what
// was measured. It fails when something does not work, never by a time.
//
// It reads /proc, so it runs on Linux only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	var b bench
	var only string
	flag.StringVar(&b.bin, "skysail", "bin/skysail", "the skysail binary")
	flag.IntVar(&b.runs, "n", 7, "repetitions of what is done one by one")
	flag.IntVar(&b.many, "many", 50, "deployments at once")
	flag.IntVar(&b.parallel, "parallel", 8, "of which so many side by side")
	flag.StringVar(&only, "only", "one,slow,gap,many,many-slow", "parts to run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.run(ctx, strings.Split(only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	bin                  string
	runs, many, parallel int
	home, work, archive  string
	env                  []string // of terraform
	peaks                peaks
	watching             bool // note peaks of the next deploys
}

func (b *bench) run(ctx context.Context, parts []string) (err error) {
	if err := b.setUp(ctx); err != nil {
		return err
	}
	defer func() {
		down := context.WithoutCancel(ctx)
		_, _ = b.skysail(down, "destroy", "--all", "--auto-approve")
		_, derr := b.skysail(down, "sandbox", "down", "--purge")
		if rerr := os.RemoveAll(filepath.Dir(b.home)); err == nil && derr == nil {
			err = rerr
		}
	}()
	fmt.Println(machine())
	for _, p := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"one", func(ctx context.Context) error { return b.one(ctx, "creates at once", false) }},
		{"slow", func(ctx context.Context) error { return b.one(ctx, "creates of 8 s", true) }},
		{"gap", b.gap},
		{"many", func(ctx context.Context) error { return b.manyAtOnce(ctx, "creates at once", false) }},
		{"many-slow", func(ctx context.Context) error { return b.manyAtOnce(ctx, "creates of 8 s", true) }},
	} {
		if !slices.Contains(parts, p.name) {
			continue
		}
		if err := p.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	b.peaks.print()
	return nil
}

// median of at least one value.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func spread(v []float64) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(v), slices.Min(v), slices.Max(v))
}

func machine() string {
	model := "processor not told"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%s, %d × %s, load average before: %s", time.Now().Format(time.DateOnly), cpus(), model, strings.TrimSpace(string(load)))
}
