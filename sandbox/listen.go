package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/renameio/v2"

	"skysail/sandbox/world"
)

// proxyPort names the proxy's listener; the others have their provider's
// name.
const proxyPort = "proxy"

// ports are the loopback listeners.
type ports struct{ listeners map[string]net.Listener }

func (p *ports) addr(name string) string { return p.listeners[name].Addr().String() }

// listen opens the listeners on the ports of the last daemon where these are
// free: what was pointed at the sandbox yesterday works today.
func listen(ctx context.Context, home string) (*ports, error) {
	file := filepath.Join(home, portsFile)
	last := map[string]int{}
	if raw, err := os.ReadFile(file); err == nil { //nolint:gosec // the sandbox's own folder
		_ = json.Unmarshal(raw, &last) // a damaged file costs the old ports only
	}
	p := &ports{listeners: map[string]net.Listener{}}
	for _, name := range append(world.Providers(), proxyPort) {
		l, err := listenOn(ctx, last[name])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listening for %s: %w", name, err), p.close())
		}
		p.listeners[name] = l
		last[name] = l.Addr().(*net.TCPAddr).Port
	}
	raw, err := json.Marshal(last)
	if err == nil {
		err = renameio.WriteFile(file, raw, 0o600, renameio.WithStaticPermissions(0o600))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("remembering ports: %w", err), p.close())
	}
	return p, nil
}

// addrs are all addresses by name.
func (p *ports) addrs() map[string]string {
	out := map[string]string{}
	for name := range p.listeners {
		out[name] = p.addr(name)
	}
	return out
}

func (p *ports) close() error {
	var errs []error
	for _, l := range p.listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

func listenOn(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	if port != 0 {
		if l, err := lc.Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return l, nil
		}
	}
	return lc.Listen(ctx, "tcp", "127.0.0.1:0")
}

// logged notes each request: what was asked and what came of it, but no
// bodies and no credentials. Reads that go well are too many to keep.
func (d *daemon) logged(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		sw := &statusWriter{ResponseWriter: w}
		defer func() {
			level := slog.LevelInfo
			if r.Method == http.MethodGet && sw.status < http.StatusInternalServerError {
				level = slog.LevelDebug
			}
			d.log.Log(r.Context(), level, name, "method", r.Method, "path", r.URL.Path, "status", sw.status,
				"took", time.Since(began).Round(time.Millisecond))
		}()
		h.ServeHTTP(sw, r)
	})
}

// statusWriter remembers the status of an answer; 0 is none.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
