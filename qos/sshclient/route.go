package sshclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/net/proxy"
)

// ErrPath is a jump host or a proxy that does not let through: nothing is known
// of the machine behind it.
var ErrPath = errors.New("the way to the machine is blocked")

// Route is the way to a target's SSH port; the zero value is a connection from
// here.
type Route struct {
	// SOCKS5 is host:port of a proxy that the first connection goes through.
	SOCKS5 string
	// Jumps are passed in this order: the last one connects to the target.
	Jumps []Jump
}

// Jump is a machine whose SSH server connects onward (direct-tcpip).
type Jump struct {
	Addr string // host:port
	User string
	// HostKey is the pinned public key in the format of authorized_keys.
	HostKey string
	// KeyFile holds the private key; without one the keys of the agent at
	// SSH_AUTH_SOCK are offered.
	KeyFile string
}

// Direct reports whether nothing lies between here and the target.
func (r Route) Direct() bool { return r.SOCKS5 == "" && len(r.Jumps) == 0 }

func (r Route) key() string {
	words := []string{r.SOCKS5}
	for _, j := range r.Jumps {
		words = append(words, j.Addr, j.User, j.HostKey, j.KeyFile)
	}
	return strings.Join(words, "\x00")
}

// Check logs in at the last jump host of a route, and so at all before it. A
// route without jump hosts is not tried.
func (r Route) Check(ctx context.Context, opts ...Option) error {
	t := Target{Via: r}
	hop, ok := t.hop()
	if !ok {
		return nil
	}
	c, err := Connect(ctx, hop, opts...)
	if err != nil {
		return t.pathFault(ctx, hop, err)
	}
	return c.Close()
}

// Reach opens the connection over which SSH is spoken with t.
func Reach(ctx context.Context, t Target, opts ...Option) (net.Conn, error) {
	return t.dial(ctx, func(ctx context.Context, hop Target, addr string) (net.Conn, error) {
		return Dial(ctx, hop, addr, opts...)
	})
}

// through opens a connection from a jump host to addr.
type through func(ctx context.Context, hop Target, addr string) (net.Conn, error)

// hop is the jump host next to the target, itself a target behind those before
// it.
func (t Target) hop() (Target, bool) {
	n := len(t.Via.Jumps) - 1
	if n < 0 {
		return Target{}, false
	}
	j := t.Via.Jumps[n]
	return Target{
		Addr: j.Addr, User: j.User, HostKey: j.HostKey, KeyFile: j.KeyFile, agent: j.KeyFile == "", Dial: t.Dial,
		Via: Route{SOCKS5: t.Via.SOCKS5, Jumps: t.Via.Jumps[:n]},
	}, true
}

func (t Target) dial(ctx context.Context, by through) (net.Conn, error) {
	if hop, ok := t.hop(); ok {
		conn, err := by(ctx, hop, t.Addr)
		if err != nil {
			return nil, t.pathFault(ctx, hop, err)
		}
		return conn, nil
	}
	open := t.Dial
	if open == nil {
		open = new(net.Dialer).DialContext
	}
	if t.Via.SOCKS5 != "" {
		return t.socks(ctx, open)
	}
	conn, err := open(ctx, "tcp", t.Addr)
	if err != nil {
		return nil, dialFault(ctx, t.Addr, err)
	}
	return conn, nil
}

// pathFault tells what a jump host did not do from what the machine behind it
// did not.
func (t Target) pathFault(ctx context.Context, hop Target, err error) error {
	from := "connect to " + t.Addr + " from the jump host " + hop.Addr
	const letIn = "Look whether access.ssh_from of the policy holds the address that the jump host comes from."
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	case errors.Is(err, ErrPath), errors.Is(err, ErrPoolClosed):
		return err
	case errors.Is(err, ErrForward) && strings.Contains(strings.ToLower(err.Error()), "refused"):
		return fault(ErrRefused, from+": connection refused", "The machine is there, but no SSH server listens.",
			"Wait while it boots; else look at the provider's console whether sshd started.", nil)
	case errors.Is(err, ErrForward):
		return fault(ErrUnreachable, from+": no connection came about",
			"The machine is off or still starting, or a firewall is between the two.", letIn, err)
	case errors.Is(err, ErrPortSilent):
		return fault(ErrTimeout, from+": no answer in time",
			"The machine is off or still starting, or a firewall drops the connection.", letIn, err)
	case errors.Is(err, ErrForbidden):
		return fault(ErrPath, from+": the jump host forwards no connections", "Nothing is known of the machine behind it.",
			"Allow the user "+hop.User+" to forward there: AllowTcpForwarding and PermitOpen in its sshd_config.", err)
	}
	meaning, next := "Nothing is known of the machine behind it.", "Look whether the jump host runs and takes SSH connections from here."
	switch {
	case errors.Is(err, ErrHostKey):
		meaning = "Another machine answers in its place, or somebody reads along. Nothing was sent to it."
		next = "Ask who runs the jump host; where its key was replaced, put the new one into access.jump.host_key of the policy."
	case errors.Is(err, ErrAuth):
		meaning = "The user " + hop.User + " may not log in there with this key."
		next = "Look whether its authorized_keys hold the key, and whether access.jump names the right user and key_file."
	case errors.Is(err, ErrKeyFile), errors.Is(err, ErrConfig):
		meaning, next = "Nobody can log in there without it.", "Look at key_file and host_key of access.jump in the policy."
	}
	return fault(ErrPath, "the jump host "+hop.Addr+" does not let through: "+causeOf(err), meaning, next, err)
}

// socks connects through the proxy.
func (t Target) socks(ctx context.Context, open DialFunc) (net.Conn, error) {
	first := &firstDial{dial: open}
	dialer, err := proxy.SOCKS5("tcp", t.Via.SOCKS5, nil, first)
	if err != nil {
		return nil, fmt.Errorf("SOCKS5 proxy %s: %w", t.Via.SOCKS5, err)
	}
	conn, err := dialer.(proxy.ContextDialer).DialContext(ctx, "tcp", t.Addr)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, context.Cause(ctx)
	case first.err != nil:
		return nil, fault(ErrPath, "the SOCKS5 proxy "+t.Via.SOCKS5+" cannot be reached: "+first.err.Error(),
			"Nothing is known of the machine behind it.", "Start the proxy, or look at access.socks5 of the policy.", err)
	}
	// The proxy's own words, without the addresses around them.
	said := err.Error()
	if op := new(net.OpError); errors.As(err, &op) && op.Err != nil {
		said = strings.TrimPrefix(op.Err.Error(), "unknown error ")
	}
	cause := "connect to " + t.Addr + " through the SOCKS5 proxy " + t.Via.SOCKS5 + ": " + said
	for words, kind := range map[string]error{"connection refused": ErrRefused, "host unreachable": ErrUnreachable, "network unreachable": ErrUnreachable} {
		if said == words {
			return nil, fault(kind, cause, "The proxy answers; the machine does not take the connection from it.",
				"Wait while it boots; else look whether access.ssh_from of the policy holds the address that the proxy comes from.", err)
		}
	}
	return nil, fault(ErrPath, cause, "The proxy made no connection and does not say what is wrong with the machine.",
		"Look whether it is a SOCKS5 proxy that needs no login, and at its log.", err)
}

// firstDial is the connection to the proxy itself.
type firstDial struct {
	dial DialFunc
	err  error
}

func (f *firstDial) Dial(network, addr string) (net.Conn, error) {
	return f.DialContext(context.Background(), network, addr)
}

func (f *firstDial) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := f.dial(ctx, network, addr)
	f.err = err
	return conn, err
}
