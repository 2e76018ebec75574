package sshclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"skysail/internal/failure"
)

// The causes that a caller may tell apart with errors.Is.
var (
	ErrConfig      = errors.New("the SSH target is not well described")
	ErrKeyFile     = errors.New("the SSH key file cannot be used")
	ErrHostKey     = errors.New("the host key is not the pinned one")
	ErrAuth        = errors.New("the server refused the key")
	ErrTimeout     = errors.New("no answer in time")
	ErrRefused     = errors.New("the connection was refused")
	ErrUnreachable = errors.New("the address cannot be reached")
	ErrLost        = errors.New("the connection was lost")
	ErrProtocol    = errors.New("the other side does not speak SSH as expected")
	ErrOutput      = errors.New("the command printed too much")
)

// Final reports whether trying again cannot help.
func Final(err error) bool {
	for _, kind := range []error{ErrConfig, ErrKeyFile, ErrHostKey} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// join makes an error that is kind and says what err says.
func join(kind, err error) error { return &caused{kind: kind, err: err} }

type caused struct{ kind, err error }

func (c *caused) Error() string   { return c.err.Error() }
func (c *caused) Unwrap() []error { return []error{c.kind, c.err} }

func fault(kind error, cause, meaning, next string, err error) error {
	if err == nil {
		err = kind
	} else {
		err = join(kind, err)
	}
	return &failure.Error{Code: failure.Failed, Cause: cause, Meaning: meaning, Next: next, Err: err}
}

// causeOf is what err says without meaning and next step.
func causeOf(err error) string {
	var f *failure.Error
	if errors.As(err, &f) {
		return f.Cause
	}
	return err.Error()
}

// dialFault explains why no connection came about.
func dialFault(ctx context.Context, addr string, err error) error {
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault(ErrRefused, "connect to "+addr+": connection refused",
			"The machine is there, but no SSH server listens.",
			"Wait while it boots; else look at the provider's console whether sshd started.", err)
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return fault(ErrTimeout, "connect to "+addr+": no answer in time",
			"The machine is off or still starting, or a firewall drops the connection.",
			"Look whether access.ssh_from of the policy holds the address you come from.", err)
	default:
		return fault(ErrUnreachable, "connect to "+addr+": "+err.Error(),
			"No connection to the machine came about.",
			"Look at your own network first, then whether the instance exists.", err)
	}
}

// handshakeFault explains why a connection did not become a session.
func handshakeFault(ctx context.Context, t Target, err error) error {
	var mismatch *mismatchError
	var algorithms *ssh.AlgorithmNegotiationError
	var timeout net.Error
	switch {
	case errors.As(err, &mismatch):
		return fault(ErrHostKey, "the host key of "+t.Addr+" is not the pinned one: "+mismatch.Error(),
			"Another machine answers at this address, or somebody reads along. Nothing was sent to it.",
			"Look whether the instance was rebuilt outside skysail; if so destroy and deploy again.", err)
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	case errors.As(err, &algorithms) && strings.Contains(algorithms.What, "host key"):
		return fault(ErrHostKey, "the server at "+t.Addr+" has no host key of the pinned type",
			"Another machine answers at this address, or its host key was replaced. Nothing was sent to it.",
			"Look whether the instance was rebuilt outside skysail; if so destroy and deploy again.", err)
	case strings.Contains(err.Error(), "unable to authenticate"), strings.Contains(err.Error(), "Too many authentication failures"):
		return fault(ErrAuth, fmt.Sprintf("%s refused the key for user %s", t.Addr, t.User),
			"The user does not exist there yet, or its authorized_keys does not hold this deployment's key.",
			"Wait until cloud-init is done; else look at its log on the provider's console.", err)
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return fault(ErrTimeout, "SSH handshake with "+t.Addr+": no answer in time",
			"Something accepts the connection but says nothing: sshd hangs, or the machine is overloaded.",
			"Try again; if it lasts, restart the instance on the provider's console.", err)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return fault(ErrLost, "SSH handshake with "+t.Addr+": the server closed the connection",
			"sshd is just starting, has too many connections, or bars this address.",
			"Try again in a moment.", err)
	default:
		return fault(ErrProtocol, "SSH handshake with "+t.Addr+": "+err.Error(),
			"What answers there is no SSH server that this program can speak with.",
			"Look whether the address and the port are those of the instance's sshd.", err)
	}
}

// mismatchError is a server that shows another host key than the pinned one.
type mismatchError struct{ got, want ssh.PublicKey }

func (m *mismatchError) Error() string {
	return fmt.Sprintf("it shows %s %s, pinned is %s %s",
		m.got.Type(), ssh.FingerprintSHA256(m.got), m.want.Type(), ssh.FingerprintSHA256(m.want))
}

// lost explains a connection that ended under a command.
func lost(addr string, err error) error {
	return fault(ErrLost, "the SSH connection to "+addr+" ended before the command did",
		"The instance was stopped or restarted, or the network between was cut; what the command did is not known.",
		"Try again; if it lasts, look at the instance on the provider's console.", err)
}

// ExitError is a command that ran and ended with another status than 0.
type ExitError struct {
	Addr   string
	Status int
	Signal string // the signal that ended it, without SIG, or empty
	// Stderr is the beginning of what it wrote there. It is not part of the
	// error's text when the command was given input: that may be secret, and
	// programs print parts of what they do not understand.
	Stderr   string
	withheld bool
}

func (e *ExitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the command on %s ended with ", e.Addr)
	if e.Signal != "" {
		b.WriteString("signal " + e.Signal)
	} else {
		fmt.Fprintf(&b, "status %d", e.Status)
	}
	if text := strings.TrimSpace(e.Stderr); text != "" && !e.withheld {
		b.WriteString(": " + text)
	}
	return b.String()
}
