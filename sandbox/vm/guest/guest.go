// Package guest runs the processes of a simulated instance where the instance
// has its network: on Linux in a user and network namespace of its own when
// the kernel allows it, so that two instances can listen on the same port,
// else in this machine's network. Everything that it starts carries a mark in
// its environment and ends with it.
package guest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"skysail/internal/supervise"
)

// Command is a process to run to its end.
type Command struct {
	Argv []string `json:"argv"`
	Env  []string `json:"env"`
	Dir  string   `json:"dir,omitempty"`
	// Stdin, Stdout and Stderr are /dev/null when they are nil. The caller
	// keeps and closes its own ends.
	Stdin  *os.File `json:"-"`
	Stdout *os.File `json:"-"`
	Stderr *os.File `json:"-"`
}

// Exit is how a command ended: Signal, without SIG, when one ended it. Code is
// -1 when it never ran.
type Exit struct {
	Code   int    `json:"code"`
	Signal string `json:"signal,omitempty"`
}

// Place is where processes run and ports are.
type Place interface {
	// Run runs a command and returns when it has ended. When ctx ends first,
	// the command and what it started are ended.
	Run(ctx context.Context, c Command) (Exit, error)
	// Supervise is supervise.Start; the program ends with the place.
	Supervise(ctx context.Context, spec supervise.Spec) (supervise.Status, error)
	// Dial connects to a port on the loopback of the place.
	Dial(ctx context.Context, port int) (net.Conn, error)
}

// Network chooses the network of a guest.
type Network string

// The networks: Auto takes a namespace where it can have one.
const (
	Auto Network = ""
	Host Network = "host"
)

// Options say how a guest is made.
type Options struct {
	// Socket is where the guest's helper listens, in a folder of mode 0700.
	Socket string
	// Mark is the entry ("NAME=value") by which its processes are found.
	Mark    string
	Network Network
}

// Guest is a running place.
type Guest struct {
	Place
	host   *host
	remote *remote // nil in this machine's network
	why    string
}

// Start makes a place, in namespaces of its own if it can.
func Start(ctx context.Context, o Options) (*Guest, error) {
	h, err := newHost(o.Mark)
	if err != nil {
		return nil, err
	}
	g := &Guest{Place: h, host: h}
	if o.Network == Host {
		g.why = "the instance is configured so"
		return g, nil
	}
	r, err := startRemote(ctx, o)
	switch {
	case err == nil:
		g.Place, g.remote = r, r
	case ctx.Err() != nil:
		return nil, errors.Join(context.Cause(ctx), h.close())
	default:
		g.why = err.Error()
	}
	return g, nil
}

// Isolated reports whether the guest has a network of its own, and if it has
// not, why.
func (g *Guest) Isolated() (own bool, why string) { return g.remote != nil, g.why }

// OnHost is the place in this machine's own network, for what needs to reach
// the world: boot scripts, container engines.
func (g *Guest) OnHost() Place { return g.host }

// Listening returns the TCP ports on which something listens inside an
// isolated guest, and on just the given address of this machine.
func (g *Guest) Listening(at net.IP) ([]int, error) {
	if g.remote == nil {
		return nil, errors.New("the guest has no network of its own")
	}
	inside, err := listening(g.remote.pid, nil)
	if err != nil {
		return nil, fmt.Errorf("ports of the instance: %w", err)
	}
	published, err := listening(os.Getpid(), at)
	if err != nil {
		return nil, fmt.Errorf("ports of its containers: %w", err)
	}
	return append(inside, published...), nil
}

// Done is closed when the guest's helper has ended, which it does not do by
// itself; never in this machine's network.
func (g *Guest) Done() <-chan struct{} {
	if g.remote == nil {
		return nil
	}
	return g.remote.done
}

// Close ends everything that runs in the place and the place itself.
func (g *Guest) Close() error {
	var err error
	if g.remote != nil {
		err = g.remote.close()
	}
	return errors.Join(err, g.host.close())
}
