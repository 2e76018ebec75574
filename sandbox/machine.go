package sandbox

import (
	"context"
	"fmt"
	"net"

	"skysail/sandbox/api"
	"skysail/sandbox/fleet"
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

func (machine) Usage(dirs []string) (map[string]fleet.Reading, error) {
	read, err := vm.Usage(dirs)
	out := make(map[string]fleet.Reading, len(read))
	for dir, r := range read {
		out[dir] = fleet.Reading{
			Boot: fmt.Sprint(r.Boot.PID, " ", r.Boot.Start),
			Usage: api.Usage{
				At: r.At, CPUSeconds: r.CPU.Seconds(), MemoryBytes: r.MemoryBytes,
				ReceivedBytes: r.ReceivedBytes, SentBytes: r.SentBytes,
				Load: r.Load1, Load5: r.Load5, Load15: r.Load15,
			},
		}
	}
	return out, err
}

func dialMachine(ctx context.Context, dir string, port int) (net.Conn, error) {
	return vm.Dial(ctx, dir, port)
}
