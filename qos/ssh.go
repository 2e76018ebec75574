package qos

import (
	"context"
	"errors"
	"io"
	"net"

	"skysail/internal/failure"
	"skysail/qos/sshclient"
)

// ErrNoSSH is a target that has no SSH login: a service on this machine, or a
// pod.
var ErrNoSSH = errors.New("the target has no SSH login")

// Run runs cmd on the target over SSH and returns what it printed. stdin may
// be nil; what it holds is never part of an error's text, so secrets may be
// handed over by it.
func Run(ctx context.Context, t Target, cmd string, stdin io.Reader) ([]byte, error) {
	if t.SSH == nil {
		return nil, noSSH(t)
	}
	return sshclient.Run(ctx, t.ssh(), cmd, stdin)
}

// WaitReady returns when an SSH login at the target succeeds; see
// sshclient.WaitReady.
func WaitReady(ctx context.Context, t Target, opts ...sshclient.Option) error {
	if t.SSH == nil {
		return noSSH(t)
	}
	return sshclient.WaitReady(ctx, t.ssh(), opts...)
}

// DialSSH opens the connection over which SSH is spoken with the target, for
// another program to speak it.
func DialSSH(ctx context.Context, t Target) (net.Conn, error) {
	if t.SSH == nil {
		return nil, noSSH(t)
	}
	return sshclient.Reach(ctx, t.ssh())
}

func noSSH(t Target) error {
	if t.Kube != nil {
		return failure.Wrap(ErrNoSSH, failure.Failed, "reach "+t.Instance, "It is a pod: there is no SSH into one.", "")
	}
	return failure.Wrap(ErrNoSSH, failure.Failed, "reach "+t.Instance, "It runs on this machine.", "")
}
