// Command kube measures what skysail costs with many deployments on a real
// Kubernetes API server: `status`, `qos`, the collector, and pod metrics. It
// prints CPU times, and ratios to client-go's own dynamic client;
// docs/benchmarks.md says what was measured. It fails when something does not
// work, never by a number.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"skysail/deploy"
	"skysail/qos"
	"skysail/sandbox/kube"
)

func main() {
	var b bench
	tools := flag.String("tools", "bin/tools/kube", "folder of the control plane's programs")
	flag.StringVar(&b.bin, "skysail", "bin/skysail", "the skysail binary")
	flag.IntVar(&b.releases, "releases", 500, "releases, each with its Deployment")
	flag.IntVar(&b.each, "pods", 10, "pods of a release")
	flag.IntVar(&b.rounds, "rounds", 3, "turns of each")
	flag.IntVar(&b.n, "n", 3, "repetitions in a turn of what is done in one process")
	child := flag.String("role", "", "of a child: what it does")
	flag.StringVar(&b.home, "home", "", "of a child: skysail's home")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *child != "" {
		err = b.child(ctx, *child)
	} else if found, terr := kube.Find(*tools); terr != nil {
		fmt.Printf("Kubernetes: NOT RUN: %v\n", terr)
	} else {
		err = b.run(ctx, found)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kube:", err)
		stop()
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	bin                       string
	releases, each, rounds, n int
	home, kubeconfig          string
	names                     []string // of deployments
}

func (b *bench) pods() int { return b.releases * b.each }

func (b *bench) run(ctx context.Context, tools kube.Tools) (err error) {
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "skysail-bench-kube-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b.home = filepath.Join(dir, "home")
	var nodes []kube.Node
	for i := range b.pods()/100 + 1 {
		nodes = append(nodes, kube.Node{Name: fmt.Sprintf("node-%d", i), CPU: "64", Memory: "256Gi"})
	}
	c, err := kube.Start(ctx, tools, kube.Options{Dir: filepath.Join(dir, "cluster"), Nodes: nodes, Namespaces: []string{namespace}})
	if err != nil {
		return err
	}
	defer c.Stop()
	if err := c.EnableMetrics(ctx); err != nil {
		return err
	}
	b.kubeconfig = c.Kubeconfig()
	begun := time.Now()
	if err := b.fill(ctx, c, nodes); err != nil {
		return err
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("Kubernetes: %d releases with %d pods, made in %s; load average %s\n",
		b.releases, b.pods(), time.Since(begun).Round(time.Second), strings.TrimSpace(string(load)))
	for _, step := range []func(context.Context) error{b.commands, b.calls} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// commands measures whole processes.
func (b *bench) commands(ctx context.Context) error {
	type deployments struct{ Deployments []deploy.Status }
	running := func(want, pods int) func([]byte) error {
		return func(out []byte) error {
			var got deployments
			if err := json.Unmarshal(out, &got); err != nil {
				return err
			}
			ready := 0
			for _, st := range got.Deployments {
				if st.Problem != "" {
					return fmt.Errorf("%s: %s", st.Name, st.Problem)
				}
				for _, i := range st.Live {
					if i.Healthy == deploy.Yes {
						ready++
					}
				}
				if st.Release == nil {
					return fmt.Errorf("%s: no release", st.Name)
				}
			}
			if len(got.Deployments) != want || ready != pods {
				return fmt.Errorf("%d deployments with %d pods ready, not %d with %d", len(got.Deployments), ready, want, pods)
			}
			return nil
		}
	}
	one := b.names[len(b.names)/2]
	fmt.Printf("%-34s %-34s %s\n", "process", "CPU, seconds: median (range)", "wall, seconds: median (range)")
	for _, m := range []struct {
		args  []string
		check func([]byte) error
	}{
		{[]string{"version"}, func([]byte) error { return nil }},
		{[]string{"status", one, "-o", "json"}, running(1, b.each)},
		{[]string{"status", "-o", "json"}, running(b.releases, b.pods())},
		{[]string{"qos", one, "-o", "json"}, b.measured},
	} {
		var cpu, wall []float64
		for range b.rounds {
			cmd := exec.CommandContext(ctx, b.bin, m.args...) //nolint:gosec // what is measured
			cmd.Env = b.env()
			var out, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &stderr
			begun := time.Now()
			err := cmd.Run()
			if err == nil {
				wall = append(wall, time.Since(begun).Seconds())
				cpu = append(cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
				err = m.check(out.Bytes())
			}
			if err != nil {
				return fmt.Errorf("skysail %s: %w\n%s", strings.Join(m.args, " "), err, stderr.Bytes())
			}
		}
		what := strings.Replace(strings.Join(m.args, " "), one, "NAME", 1)
		fmt.Printf("%-34s %-34s %s\n", what, spread(cpu), spread(wall))
	}
	return nil
}

// measured wants the metrics of every pod of a deployment.
func (b *bench) measured(out []byte) error {
	var got struct{ Samples []qos.Sample }
	if err := json.Unmarshal(out, &got); err != nil {
		return err
	}
	n := 0
	for _, s := range got.Samples {
		if s.Name == "container_memory_working_set_bytes" {
			n++
		}
	}
	if n != b.each {
		return fmt.Errorf("memory of %d containers, not %d", n, b.each)
	}
	return nil
}

// calls measures what is done again and again in one process, each in a
// process of its own, by turns: the server of the metrics is in this one.
func (b *bench) calls(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	took := map[string][]float64{}
	for range b.rounds {
		for _, role := range roles {
			cmd := exec.CommandContext(ctx, self, "-role", role, "-home", b.home, "-n", strconv.Itoa(b.n), //nolint:gosec // this program
				"-releases", strconv.Itoa(b.releases), "-pods", strconv.Itoa(b.each))
			cmd.Env = b.env()
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, os.Stderr
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s: %w", role, err)
			}
			v, err := strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
			if err != nil {
				return err
			}
			took[role] = append(took[role], v)
		}
	}
	fmt.Printf("%-34s %s\n", "in one process", "CPU of a pod, µs: median (range)")
	for _, role := range roles {
		ratio := ""
		if base := took[role+theirs]; base != nil {
			ratio = fmt.Sprintf("   %.2f of client-go's", median(took[role])/median(base))
		}
		fmt.Printf("%-34s %s%s\n", role, spread(took[role]), ratio)
	}
	return nil
}

func (b *bench) env() []string {
	return append(os.Environ(), "SKYSAIL_HOME="+b.home, "KUBECONFIG="+b.kubeconfig)
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func spread(v []float64) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(v), slices.Min(v), slices.Max(v))
}
