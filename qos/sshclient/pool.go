package sshclient

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// idleAfter is how long a connection that nobody uses is kept.
const idleAfter = 5 * time.Minute

// Pool keeps one connection to each target and to each jump host, which those
// behind it share, so that a loop that polls does not
// log in anew at each turn: a login costs the instance more than the reading.
type Pool struct {
	opts []Option

	mu     sync.Mutex
	places map[placeKey]*place
	closed bool
}

type placeKey struct{ addr, user, hostKey, nextHostKey, keyFile, via string }

// place holds the connection of one target. turn is a lock that a context can
// end the wait for.
type place struct {
	turn   chan struct{}
	client *Client
	users  int
	idle   *time.Timer
}

// ErrPoolClosed is returned by a Pool after Close.
var ErrPoolClosed = errors.New("the SSH connections were closed")

// NewPool returns a Pool whose connections have these options.
func NewPool(opts ...Option) *Pool {
	return &Pool{opts: opts, places: map[placeKey]*place{}}
}

// Run runs cmd on t like Client.Run. When a kept connection turns out to be
// dead it is tried once more over a new one, so cmd must be safe to run twice.
func (p *Pool) Run(ctx context.Context, t Target, cmd string, stdin io.Reader) ([]byte, error) {
	return p.with(ctx, t, stdin == nil, func(c *Client) ([]byte, error) { return c.Run(ctx, cmd, stdin) })
}

// Script runs a POSIX shell script on t like Client.Script: for what is run
// again and again. It must be safe to run twice, as with Run.
func (p *Pool) Script(ctx context.Context, t Target, script string) ([]byte, error) {
	return p.with(ctx, t, true, func(c *Client) ([]byte, error) { return c.Script(ctx, script) })
}

// Text runs a script on t like Client.Text.
func (p *Pool) Text(ctx context.Context, t Target, script string) ([]byte, error) {
	return p.with(ctx, t, true, func(c *Client) ([]byte, error) { return c.Text(ctx, script) })
}

func (p *Pool) with(ctx context.Context, t Target, again bool, run func(*Client) ([]byte, error)) ([]byte, error) {
	for ; ; again = false {
		c, fresh, release, err := p.get(ctx, t)
		if err != nil {
			return nil, err
		}
		out, err := run(c)
		release()
		if !errors.Is(err, ErrLost) || fresh || !again || ctx.Err() != nil {
			return out, err
		}
	}
}

// get returns a connection that stands and says whether it was made just now.
func (p *Pool) get(ctx context.Context, t Target) (c *Client, fresh bool, release func(), err error) {
	key := placeKey{t.Addr, t.User, t.HostKey, t.NextHostKey, t.KeyFile, t.Via.key()}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, false, nil, ErrPoolClosed
	}
	pl := p.places[key]
	if pl == nil {
		pl = &place{turn: make(chan struct{}, 1)}
		p.places[key] = pl
	}
	p.mu.Unlock()

	select {
	case pl.turn <- struct{}{}:
		defer func() { <-pl.turn }()
	case <-ctx.Done():
		return nil, false, nil, context.Cause(ctx)
	}
	p.mu.Lock()
	c = pl.client
	p.mu.Unlock()
	if c == nil || !c.Alive() {
		if c != nil {
			_ = c.Close()
		}
		if c, err = connect(ctx, t, p.Dial, p.opts...); err != nil {
			return nil, false, nil, err
		}
		fresh = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		// Closing lets go of the jump host, which takes the lock.
		go func() { _ = c.Close() }()
		return nil, false, nil, ErrPoolClosed
	}
	pl.client = c
	pl.users++
	if pl.idle != nil {
		pl.idle.Stop()
	}
	return c, fresh, sync.OnceFunc(func() { p.release(pl, c) }), nil
}

func (p *Pool) release(pl *place, c *Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pl.users--; pl.users > 0 || p.closed {
		return
	}
	pl.idle = time.AfterFunc(idleAfter, func() {
		p.mu.Lock()
		unused := pl.users == 0 && pl.client == c
		if unused {
			pl.client = nil
		}
		p.mu.Unlock()
		if unused {
			_ = c.Close()
		}
	})
}

// Close ends all connections and every command on them.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	places := p.places
	p.places = nil
	var clients []*Client
	for _, pl := range places {
		if pl.idle != nil {
			pl.idle.Stop()
		}
		if pl.client != nil {
			clients = append(clients, pl.client)
		}
		pl.client = nil
	}
	p.mu.Unlock()
	// All at once: one may wait for another that it goes through.
	var wg sync.WaitGroup
	errs := make([]error, len(clients))
	for i, c := range clients {
		wg.Go(func() { errs[i] = c.Close() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
