package sandbox

import (
	"context"
	"net"

	"skysail/sandbox/vm"
)

// machine runs simulated instances with package vm.
type machine struct{}

func (machine) Start(ctx context.Context, dir string) error { return vm.Start(ctx, dir) }

func (machine) Stop(ctx context.Context, dir string) error { return vm.Stop(ctx, dir) }

func (machine) Running(dir string) (bool, error) {
	p, err := vm.State(dir)
	return p == vm.Running, err
}

func dialMachine(ctx context.Context, dir string, port int) (net.Conn, error) {
	return vm.Dial(ctx, dir, port)
}
