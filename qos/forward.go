package qos

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"

	"skysail/qos/sshclient"
)

// Relay joins every connection that listener takes to one that dial makes. It
// returns when ctx ends, which is no error; the listener is closed in any case
// and all connections with it. What can not be dialled is hung up, as a port
// where nobody listens is, and told to failed, where that is set.
func Relay(ctx context.Context, listener net.Listener, dial func(context.Context) (net.Conn, error), failed func(error)) error {
	defer listener.Close() //nolint:errcheck // it has served
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	inner, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for {
		near, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		wg.Go(func() {
			defer near.Close() //nolint:errcheck // the other side is told by it
			far, err := dial(inner)
			if err != nil {
				if failed != nil && inner.Err() == nil {
					failed(err)
				}
				return
			}
			join(inner, near, far)
		})
	}
}

// join copies both ways until both have ended, or ctx has.
func join(ctx context.Context, near, far net.Conn) {
	defer far.Close() //nolint:errcheck // as near
	stop := context.AfterFunc(ctx, func() { _, _ = near.Close(), far.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { pump(far, near) })
	wg.Go(func() { pump(near, far) })
	wg.Wait()
}

// pump copies one direction and hands its end on.
func pump(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = to.Close()
}

// ForwardSSH relays to a port of the target's own loopback, over its pinned
// SSH login: what no firewall lets in is reached this way as well. It fails
// when the first login does; a login that breaks later is made anew for the
// next connection. See Relay for the rest.
func ForwardSSH(ctx context.Context, t Target, listener net.Listener, port int, failed func(error)) error {
	if t.SSH == nil {
		_ = listener.Close()
		return noSSH(t)
	}
	client, err := sshclient.Connect(ctx, t.ssh())
	if err != nil {
		_ = listener.Close()
		return err
	}
	var mu sync.Mutex
	login := func(ctx context.Context) (*sshclient.Client, error) {
		mu.Lock()
		defer mu.Unlock()
		if client.Alive() {
			return client, nil
		}
		c, err := sshclient.Connect(ctx, t.ssh())
		if err == nil {
			_ = client.Close()
			client = c
		}
		return c, err
	}
	defer func() { _ = client.Close() }()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return Relay(ctx, listener, func(ctx context.Context) (net.Conn, error) {
		c, err := login(ctx)
		if err != nil {
			return nil, err
		}
		return c.Dial(ctx, addr)
	}, failed)
}
