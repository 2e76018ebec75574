package qos

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"skysail/qos/hostmetrics"
	"skysail/qos/metric"
	"skysail/qos/sshclient"
)

// The names of the built-in sources, as the label source has them.
const (
	SourceSSH     = "ssh"     // a remote machine and its service's unit
	SourceHTTP    = "http"    // the health check by HTTP
	SourceTCP     = "tcp"     // the health check by TCP
	SourceGRPC    = "grpc"    // the health check by gRPC
	SourceHost    = "host"    // this machine, for services that run on it
	SourceService = "service" // the state of a service on this machine
	SourceCloud   = "cloud"   // what the provider measures from outside
)

// sshSource reads a remote machine and its service's unit.
type sshSource struct{ pool *sshclient.Pool }

func (sshSource) Name() string          { return SourceSSH }
func (sshSource) Applies(t Target) bool { return t.SSH != nil }

func (s sshSource) Read(ctx context.Context, t Target) (Reading, error) {
	var out []byte
	var err error
	if script := hostmetrics.Script(t.Unit); s.pool != nil {
		out, err = s.pool.Text(ctx, t.ssh(), script)
	} else {
		out, err = sshclient.Run(ctx, t.ssh(), sshclient.Command(script), nil)
	}
	if err != nil {
		return Reading{}, err
	}
	return machine(out)
}

// hostSource reads this machine, for services that run on it.
type hostSource struct{}

func (hostSource) Name() string          { return SourceHost }
func (hostSource) Applies(t Target) bool { return t.local() }

func (hostSource) Read(ctx context.Context, _ Target) (Reading, error) {
	out, err := runHere(ctx, hostmetrics.Script(""))
	if err != nil {
		return Reading{}, err
	}
	return machine(out)
}

// runHere runs a script of our own on this machine.
func runHere(ctx context.Context, script string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script) //nolint:gosec // made by qos
	// A group of its own, so that what the shell started goes with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("read this machine: %w", err)
	}
	return out.Bytes(), nil
}

func machine(out []byte) (Reading, error) {
	observed := time.Now()
	r, err := hostmetrics.Parse(out)
	if err != nil {
		return Reading{}, err
	}
	reading := Reading{Metrics: r.Metrics, ObservedAt: observed}
	if len(r.Missing) > 0 {
		reading.Notes = []string{"this machine does not tell: " + strings.Join(r.Missing, "; ")}
	}
	return reading, nil
}

// serviceSource asks whoever looks after a service where no systemd does.
type serviceSource struct{}

func (serviceSource) Name() string          { return SourceService }
func (serviceSource) Applies(t Target) bool { return t.State != nil }

func (serviceSource) Read(ctx context.Context, t Target) (Reading, error) {
	up, restarts, err := t.State(ctx)
	if err != nil {
		return Reading{}, fmt.Errorf("ask for the service's state: %w", err)
	}
	return Reading{ObservedAt: time.Now(), Metrics: []metric.Metric{
		metric.One(metric.ServiceUp, metric.Bool(up)),
		metric.One(metric.ServiceRestarts, float64(restarts)),
	}}, nil
}
