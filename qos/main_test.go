package qos_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/internal/sshtest"
	"skysail/qos"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errStop = errors.New("the test has what it wants")

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func remote(s *sshtest.Server) qos.Target {
	return qos.Target{
		Deployment: "echo", DeploymentID: "d4k2m9x7qpb1", Service: "echo", Instance: "echo-0",
		Provider: "vultr", Region: "ewr", Unit: unit, Logs: "journald:" + unit,
		SSH: &qos.SSHTarget{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile},
	}
}

const unit = "skysail-echo.service"

// byName returns the samples of one name.
func byName(r qos.Result, name string) []qos.Sample {
	var out []qos.Sample
	for _, s := range r.Samples {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

func one(t *testing.T, r qos.Result, name string) qos.Sample {
	t.Helper()
	found := byName(r, name)
	if len(found) != 1 {
		t.Fatalf("%d samples %s in %+v", len(found), name, r.Reports)
	}
	return found[0]
}

func up(t *testing.T, r qos.Result, source string) float64 {
	t.Helper()
	for _, s := range byName(r, "skysail_source_up") {
		if s.Labels["source"] == source {
			return s.Value
		}
	}
	t.Fatalf("no skysail_source_up for %s", source)
	return 0
}

func report(t *testing.T, r qos.Result, source string) qos.Report {
	t.Helper()
	for _, rep := range r.Reports {
		if rep.Source == source {
			return rep
		}
	}
	t.Fatalf("no report for %s in %+v", source, r.Reports)
	return qos.Report{}
}

// collected gathers lines that a test's emit was given.
type collected struct {
	mu    sync.Mutex
	lines []qos.Line
	stop  int
}

func (c *collected) emit(l qos.Line) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, l)
	if c.stop > 0 && len(c.lines) >= c.stop {
		return errStop
	}
	return nil
}

func (c *collected) messages() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]string, len(c.lines))
	for i, l := range c.lines {
		out[i] = l.Message
	}
	return out
}

func (c *collected) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lines)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came that %s", what)
		}
	}
}
