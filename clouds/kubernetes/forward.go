package kubernetes

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// Port is a pair of ports: on this machine and in the pod.
type Port struct{ Local, Remote uint16 }

// PortForward listens on 127.0.0.1 and carries each connection to a port of
// the pod, as `kubectl port-forward` does: over a WebSocket, and over SPDY
// where something on the way does not let that through. A local port of 0 is
// any that is free; ready is told which. errs gets a line for each connection
// that could not be carried. It returns nil when ctx ends, and an error when
// the pod or the server is gone.
func (c *Cloud) PortForward(ctx context.Context, pod Pod, ports []Port, errs io.Writer, ready func([]Port)) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	doing := "forwarding ports to pod " + pod.Name
	target := api.url(podKind.path(pod.Namespace, pod.Name)+"/portforward", nil)
	transport, upgrader, err := spdy.RoundTripperFor(c.streamConfig())
	if err != nil {
		return api.explain(err, "%s", doing)
	}
	if errs == nil {
		errs = io.Discard
	}
	log := told(errs)
	web, err := portforward.NewSPDYOverWebsocketDialerWithLogger(log, target, c.streamConfig())
	if err != nil {
		return api.explain(err, "%s", doing)
	}
	dialer := portforward.NewFallbackDialer(web, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target), old)
	specs := make([]string, 0, len(ports))
	for _, p := range ports {
		specs = append(specs, fmt.Sprintf("%d:%d", p.Local, p.Remote))
	}
	up := make(chan struct{})
	f, err := portforward.NewOnAddressesWithContext(logr.NewContext(ctx, log), dialer, []string{"127.0.0.1"}, specs, up, nil, nil)
	if err != nil {
		return api.explain(err, "%s", doing)
	}
	done := make(chan error, 1)
	go func() { done <- f.ForwardPorts() }()
	for {
		select {
		case <-ctx.Done():
			return nil // the dialer knows of no ctx
		case err = <-done:
			if ctx.Err() == nil {
				return api.explain(err, "%s", doing)
			}
			return nil
		case <-up:
			up = nil
			if got, err := f.GetPorts(); err == nil && ready != nil {
				ready(pairs(got))
			}
		}
	}
}

func pairs(list []portforward.ForwardedPort) []Port {
	out := make([]Port, 0, len(list))
	for _, p := range list {
		out = append(out, Port{p.Local, p.Remote})
	}
	return out
}

// told is a logger that writes the errors of single connections, which
// client-go only logs, as lines.
func told(w io.Writer) logr.Logger {
	var mu sync.Mutex
	return funcr.New(func(_, args string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(w, args) //nolint:errcheck // nobody else is left to tell
	}, funcr.Options{Verbosity: -1})
}
