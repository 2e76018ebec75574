package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// When the daemon ends, calls may still take drainTime, and writing their
// answers flushTime.
const (
	drainTime = 2 * time.Second
	flushTime = 250 * time.Millisecond
)

// group is a set of HTTP servers that end together.
type group struct {
	wg      sync.WaitGroup
	servers []*http.Server
}

func (g *group) serve(l net.Listener, h http.Handler, log *slog.Logger) {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 30 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	g.servers = append(g.servers, s)
	g.wg.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("a listener failed", "addr", l.Addr(), "err", err)
		}
	})
}

// close ends all servers; calls after the first do nothing. Answers that are
// being written are written.
func (g *group) close() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range g.servers {
		wg.Go(func() {
			if s.Shutdown(ctx) != nil {
				_ = s.Close() // a connection on which nothing was asked
			}
		})
	}
	wg.Wait()
	g.servers = nil
	g.wg.Wait()
}

// calls counts calls that are being answered.
type calls struct {
	n    atomic.Int64
	idle chan struct{}
	mu   sync.Mutex
}

// counted counts the calls of a handler. A call's context ends with ctx, so
// that calls which wait do not hold the daemon up.
func (c *calls) counted(ctx context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.n.Add(1)
		defer func() {
			if c.n.Add(-1) == 0 {
				c.signal()
			}
		}()
		own, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
		defer stop()
		h.ServeHTTP(w, r.WithContext(own))
	})
}

func (c *calls) signal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle != nil {
		select {
		case c.idle <- struct{}{}:
		default:
		}
	}
}

// drain waits until no call is being answered, for a while.
func (c *calls) drain() {
	c.mu.Lock()
	c.idle = make(chan struct{}, 1)
	c.mu.Unlock()
	end := time.NewTimer(drainTime)
	defer end.Stop()
	for c.n.Load() > 0 {
		select {
		case <-c.idle:
		case <-end.C:
			return
		}
	}
}
