package qos_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos"
	"skysail/qos/internal/probetest"
	"skysail/qos/sshclient"
	"skysail/spec"
)

// TestDropbear watches an instance whose SSH server is that of small machines.
func TestDropbear(t *testing.T) {
	tg := remote(sshtest.Dropbear(t))
	tg.Address, tg.HealthPort = "192.0.2.1", qos.HealthPort{Number: probetest.Port(t, probetest.Wire(t, probetest.Say("well\n")))}
	tg.Health = &spec.Health{TCP: &spec.TCPHealth{Port: "echo", Expect: "^well"}}
	ctx := within(t, 50*time.Second)
	reached(ctx, t, tg)
	pool := sshclient.NewPool()
	defer func() { _ = pool.Close() }()
	collector := qos.NewCollector(qos.Options{Connections: pool, Timeout: 30 * time.Second})
	for range 2 {
		res := collector.Collect(ctx, []qos.Target{tg})
		if up(t, res, "ssh") != 1 || one(t, res, "probe_success").Value != 1 || one(t, res, "node_load1").Value < 0 {
			t.Errorf("collected: %+v", res.Reports)
		}
	}
}

// reached waits for an instance and hands something to a command there.
func reached(ctx context.Context, t *testing.T, tg qos.Target) {
	t.Helper()
	if err := qos.WaitReady(ctx, tg); err != nil {
		t.Fatal(err)
	}
	if out, err := qos.Run(ctx, tg, "cat", strings.NewReader("secret")); err != nil || string(out) != "secret" {
		t.Errorf("run with input: %q, %v", out, err)
	}
}
