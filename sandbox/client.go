package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"skysail/internal/failure"
)

// answerTime bounds how long the daemon may take to answer; to stop, it has
// stopTime.
const (
	answerTime = 15 * time.Second
	stopTime   = time.Minute
)

// Client speaks to a running sandbox. It holds no connection.
type Client struct {
	home   string
	status status
	kit    kit
}

// Connect returns a client of the sandbox in a folder, or ErrDown.
func Connect(ctx context.Context, home string) (*Client, error) {
	return connect(ctx, home, realKit())
}

func connect(ctx context.Context, home string, k kit) (*Client, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	c := &Client{home: home, kit: k}
	if err := c.call(ctx, http.MethodGet, "/v1/status", nil, &c.status); err != nil {
		return nil, err
	}
	return c, nil
}

// Env returns the environment that points Terraform, its providers and the
// clouds' own tools at the sandbox.
func (c *Client) Env() map[string]string { return maps.Clone(c.status.Env) }

// List returns every simulated resource.
func (c *Client) List(ctx context.Context) ([]Resource, error) {
	var out []Resource
	return out, c.call(ctx, http.MethodGet, "/v1/resources", nil, &out)
}

// Fault orders a fault, in place of one of the same kind and region.
func (c *Client) Fault(ctx context.Context, f Fault) error {
	return c.call(ctx, http.MethodPost, "/v1/faults", f, nil)
}

// Faults lists the faults that can still strike.
func (c *Client) Faults(ctx context.Context) ([]Fault, error) {
	var out []Fault
	return out, c.call(ctx, http.MethodGet, "/v1/faults", nil, &out)
}

// ClearFaults removes the faults of a provider, or all when it is empty.
func (c *Client) ClearFaults(ctx context.Context, provider string) error {
	return c.call(ctx, http.MethodDelete, "/v1/faults?provider="+url.QueryEscape(provider), nil, nil)
}

// Dial connects to a port of a simulated instance. Its firewall applies as it
// does to any connection from outside.
func (c *Client) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if network != "tcp" && network != "tcp4" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(network)}
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	port, err := strconv.Atoi(service)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	var m machineRef
	if err := c.call(ctx, http.MethodGet, "/v1/machines/"+url.PathEscape(host), nil, &m); err != nil {
		return nil, err
	}
	return c.kit.dial(ctx, m.Dir, port)
}

// call asks the daemon. A nil in sends nothing, a nil out drops the answer.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("the sandbox daemon has not answered for %s", answerTime))
	defer cancel()
	return c.callNow(ctx, method, path, in, out)
}

func (c *Client) callNow(ctx context.Context, method, path string, in, out any) error {
	socket := socketPath(c.home)
	if len(socket) > maxSocketPath {
		return ErrDown // no daemon can listen there
	}
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://sandbox"+path, body)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	// A transport of its own, without a pool: nothing outlives the call.
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return c.callError(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return c.callError(ctx, err)
	}
	if res.StatusCode != http.StatusOK {
		return answerError(res.StatusCode, raw)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("sandbox: its daemon's answer: %w", err)
	}
	return nil
}

func (c *Client) callError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return ErrDown
	}
	return fmt.Errorf("sandbox: %w\nsee %s", err, filepath.Join(c.home, logFile))
}

func answerError(code int, raw []byte) error {
	var e struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(raw, &e); err != nil || e.Error == "" {
		e.Error = fmt.Sprintf("its daemon answered %d: %.200s", code, raw)
	}
	if code == http.StatusBadRequest {
		return failure.New(failure.Input, "sandbox: "+e.Error, "Nothing was changed.", "")
	}
	return fmt.Errorf("sandbox: %s", e.Error)
}
