package vm

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// trafficPause is how old the counters in the instance's folder can be.
const trafficPause = time.Second

// traffic counts what goes through the instance's network interface, which is
// where its main process hands connections on: the bytes that connections
// carry, without the headers that packets of a real network have. What goes to
// and from this machine's own network is not in it: downloads of boot scripts
// and container engines, and connections past the sandbox to an instance that
// has no network of its own.
type traffic struct{ received, sent atomic.Uint64 }

// trafficCounters is the form of traffic.json.
type trafficCounters struct {
	Received uint64 `json:"received_bytes"`
	Sent     uint64 `json:"sent_bytes"`
}

// through makes a connection's handler count.
func (t *traffic) through(handle func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) { handle(&countedConn{Conn: c, t: t}) }
}

func (t *traffic) counters() trafficCounters {
	return trafficCounters{Received: t.received.Load(), Sent: t.sent.Load()}
}

// follow keeps the counters in the instance's folder until ctx ends.
func (t *traffic) follow(ctx context.Context, dir string, log *slog.Logger) {
	tick := time.NewTicker(trafficPause)
	defer tick.Stop()
	var written trafficCounters
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := t.counters()
		if now == written {
			continue
		}
		if err := writeTraffic(dir, now); err != nil {
			log.Warn("writing the traffic's counters", "err", err)
			continue
		}
		written = now
	}
}

// writeTraffic replaces the file whole. It does not wait for the disk: after a
// crash of this machine the instance boots anew, and counts anew.
func writeTraffic(dir string, c trafficCounters) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, trafficFile)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readTraffic returns the counters, none for an instance that no connection
// has reached since it booted.
func readTraffic(dir string) (trafficCounters, error) {
	var c trafficCounters
	err := readJSON(filepath.Join(dir, trafficFile), &c)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	return c, err
}

// countedConn is a connection from outside the instance.
type countedConn struct {
	net.Conn
	t *traffic
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.t.received.Add(uint64(n)) //nolint:gosec // never negative
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.t.sent.Add(uint64(n)) //nolint:gosec // never negative
	return n, err
}

// CloseWrite ends the stream in one direction.
func (c *countedConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
