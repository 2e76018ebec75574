package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// Size is that of a terminal, in characters.
type Size struct{ Width, Height uint16 }

// Streams are what a command in a container reads and writes. Those that are
// nil are not attached.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer // with TTY both are Out
	TTY      bool
	// Resize tells the terminal's size, first and when it changes; close it
	// when the command has ended.
	Resize <-chan Size
}

// ExitError is a command that ran and ended with another status than 0.
type ExitError struct{ Code int }

func (e *ExitError) Error() string {
	return fmt.Sprintf("the command ended with exit status %d", e.Code)
}

// Exec runs a command in a container of a pod, as `kubectl exec` does: over a
// WebSocket, and over SPDY where something on the way does not let that
// through. An empty container is the pod's first. The error is an *ExitError
// when the command itself failed. When ctx ends the connection is cut; what
// runs in the container then may go on.
func (c *Cloud) Exec(ctx context.Context, pod Pod, container string, command []string, s Streams) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	if container == "" {
		container = pod.First()
	}
	q := url.Values{"container": {container}, "command": command}
	for name, on := range map[string]bool{"stdin": s.In != nil, "stdout": s.Out != nil, "stderr": s.Err != nil && !s.TTY, "tty": s.TTY} {
		if on {
			q.Set(name, "true")
		}
	}
	target := api.url(podKind.path(pod.Namespace, pod.Name)+"/exec", q)
	doing := fmt.Sprintf("running a command in pod %s, container %s", pod.Name, container)
	web, err := remotecommand.NewWebSocketExecutor(c.streamConfig(), http.MethodGet, target.String())
	if err != nil {
		return api.explain(err, "%s", doing)
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.streamConfig(), http.MethodPost, target)
	if err != nil {
		return api.explain(err, "%s", doing)
	}
	run, err := remotecommand.NewFallbackExecutor(web, spdy, old)
	if err != nil {
		return api.explain(err, "%s", doing)
	}
	o := remotecommand.StreamOptions{Stdin: s.In, Stdout: s.Out, Stderr: s.Err, Tty: s.TTY}
	if s.TTY {
		o.Stderr = nil
	}
	if s.Resize != nil {
		o.TerminalSizeQueue = sizes(s.Resize)
	}
	err = run.StreamWithContext(quiet(ctx), o)
	var code exec.CodeExitError
	if errors.As(err, &code) {
		return &ExitError{Code: code.Code}
	}
	return api.explain(err, "%s", doing)
}

// First is the container that is meant when none is named.
func (p Pod) First() string {
	for _, c := range p.Containers {
		if !c.Init {
			return c.Name
		}
	}
	return ""
}

type sizes <-chan Size

// Next implements remotecommand.TerminalSizeQueue.
func (s sizes) Next() *remotecommand.TerminalSize {
	size, ok := <-s
	if !ok {
		return nil
	}
	return &remotecommand.TerminalSize{Width: size.Width, Height: size.Height}
}

// old says whether a server, or what is before it, knows no WebSocket: what
// kubectl falls back to SPDY for, kubectl pkg/cmd/exec/exec.go.
func old(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}

// streamConfig is for connections that change their protocol.
func (c *Cloud) streamConfig() *rest.Config { return rest.CopyConfig(c.config) }

// url is that of a path at the API server.
func (a *api) url(path string, q url.Values) *url.URL {
	u := a.rest.Verb(http.MethodPost).AbsPath(path).URL()
	u.RawQuery = q.Encode()
	return u
}
