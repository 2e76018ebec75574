// Package test holds the suites that cross packages: conformance of every
// provider, failover, the library as a manager embeds it, and the real
// providers where a mirror of them is given.
package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/spec"
)

func TestMain(m *testing.M) {
	armCrash()
	deploy.RunHelper()
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	code := m.Run()
	stopShared()
	os.Exit(code)
}

// hello returns the example service, its archive built.
func hello(t testing.TB) *spec.Service {
	t.Helper()
	return example(t, "hello")
}

func example(t testing.TB, name string) *spec.Service {
	t.Helper()
	if err := pack(); err != nil {
		t.Fatal(err)
	}
	svc, err := spec.Load(filepath.Join("..", "examples", name, "service.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// pack builds the archive of the examples, once.
var pack = sync.OnceValue(func() error {
	cmd := exec.CommandContext(context.Background(), "go", "run", "./examples/hello/pack")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the example: %w\n%s", err, out)
	}
	return nil
})

// bench is a home of its own with a sandbox in it.
type bench struct {
	t    testing.TB
	home string
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, home: t.TempDir()}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		c, err := sandbox.Connect(ctx, b.sandboxDir())
		if err != nil {
			return // it never ran
		}
		if err := c.Down(ctx, true); err != nil {
			t.Errorf("sandbox down: %v", err)
		}
	})
	return b
}

func (b *bench) sandboxDir() string { return filepath.Join(b.home, "sandbox") }

func (b *bench) sandbox() *sandbox.Client {
	b.t.Helper()
	// It is asked in clean-ups as well, when t.Context has ended.
	c, err := sandbox.Start(context.WithoutCancel(b.t.Context()), b.sandboxDir())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// resources is what the simulated clouds hold.
func (b *bench) resources() []sandbox.Resource {
	b.t.Helper()
	l, err := b.sandbox().List(context.WithoutCancel(b.t.Context()))
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// only is the default policy with nothing but the given providers, one region
// each, and short time limits.
func only(providers ...string) *policies.Policy {
	p := policies.Default()
	p.Lists = policies.Lists{GPU: providers, CPU: providers, Memory: providers, Cost: providers, Order: policies.OrderListed}
	p.Limits.Regions = []string{"us-east-1", "us-central1", "nyc1", "ewr"}
	p.Failover.AttemptTimeout = 3 * time.Minute
	return &p
}

func (b *bench) deployer(remote bool, policy *policies.Policy, change ...func(*deploy.Options)) *deploy.Deployer {
	b.t.Helper()
	opts := deploy.Options{
		Home: b.home, Remote: remote, Sandbox: remote, Policy: policy, ReadyTimeout: 30 * time.Second,
		Progress: func(ev deploy.Event) { b.t.Logf("%s %s %s: %s", ev.Kind, ev.Provider, ev.Region, ev.Text) },
	}
	for _, c := range change {
		c(&opts)
	}
	d, err := deploy.New(b.t.Context(), opts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.t.Error(err)
		}
	})
	return d
}
