package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"skysail/sandbox/vm/socket"
)

const (
	sshPort = 22
	// maxConnections bounds what one instance serves at once.
	maxConnections = 512
	// lookPause is how soon a port that opens can be reached at the
	// instance's address; over the dial socket it is at once.
	lookPause = 200 * time.Millisecond
	// lazyPause is how soon when nothing has changed for a while: a look costs
	// milliseconds, as the kernel goes through all its connections for it.
	lazyPause = 2 * time.Second
	// lazyShare is the part of the time, one of so many, that looks may take
	// then, as long as that does not make the pause longer than maxPause.
	lazyShare = 200
	maxPause  = 10 * time.Second
	// eagerLooks is how many looks without a change make it lazy.
	eagerLooks     = 40
	connectTimeout = 10 * time.Second
)

// route decides what becomes of a connection to a port: refused, or handled
// by what it returns.
func (m *machine) route(port int) (func(net.Conn), error) {
	rules, err := readFirewall(m.dir)
	if err != nil {
		m.log.Error("reading the firewall's rules", "err", err)
		return nil, errors.New("the firewall's rules cannot be read")
	}
	if !rules.opens(port) {
		return nil, fmt.Errorf("port %d is closed in the instance's firewall", port)
	}
	if port == sshPort {
		return m.traffic.through(m.ssh.Serve), nil
	}
	ctx, cancel := context.WithTimeout(m.ctx, connectTimeout)
	defer cancel()
	to, err := m.dial(ctx, port)
	if err != nil {
		return nil, fmt.Errorf("nothing listens on port %d of the instance: %w", port, err)
	}
	return m.traffic.through(func(c net.Conn) { splice(m.ctx, c, to) }), nil
}

// dial connects to a port inside the instance: of its own network, or of a
// container of its.
func (m *machine) dial(ctx context.Context, port int) (net.Conn, error) {
	c, err := m.guest.Dial(ctx, port)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return c, err
	}
	var d net.Dialer
	if c, e := d.DialContext(ctx, "tcp", net.JoinHostPort(m.containers.Publish, strconv.Itoa(port))); e == nil {
		return c, nil
	}
	return nil, err
}

// splice copies both ways until both are done or ctx ends.
func splice(ctx context.Context, a, b net.Conn) {
	defer context.AfterFunc(ctx, func() {
		_ = a.Close()
		_ = b.Close()
	})()
	var copies sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		copies.Go(func() {
			_, err := io.Copy(way[0], way[1])
			if half, ok := way[0].(interface{ CloseWrite() error }); ok && err == nil {
				_ = half.CloseWrite()
				return
			}
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	copies.Wait()
	_ = a.Close()
	_ = b.Close()
}

// serve accepts the connections of a listener until it closes.
func (m *machine) serve(l net.Listener, handle func(net.Conn)) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			m.log.Error("accepting a connection", "at", l.Addr().String(), "err", err)
			time.Sleep(lookPause) // out of descriptors, most likely
			continue
		}
		select {
		case m.slots <- struct{}{}:
			m.serving.Go(func() {
				defer func() { <-m.slots }()
				defer func() { _ = c.Close() }()
				defer context.AfterFunc(m.ctx, func() { _ = c.Close() })()
				handle(c)
			})
		default:
			m.log.Warn("too many connections", "at", l.Addr().String())
			_ = c.Close()
		}
	}
}

// listen opens one of the instance's sockets.
func (m *machine) listen(name string, handle func(net.Conn)) error {
	path, err := socket.New(m.dir, name)
	if err != nil {
		return err
	}
	var c net.ListenConfig
	l, err := c.Listen(m.ctx, "unix", path)
	if err != nil {
		return err
	}
	m.closers = append(m.closers, l)
	m.serving.Go(func() { m.serve(l, handle) })
	return nil
}

// ports keeps listeners at the instance's address: for SSH, and for what
// listens inside, as far as the firewall lets it through.
type ports struct {
	m      *machine
	open   map[int]net.Listener
	failed map[int]bool // said already
}

func newPorts(m *machine) *ports {
	return &ports{m: m, open: map[int]net.Listener{}, failed: map[int]bool{}}
}

// follow keeps the listeners right until ctx ends.
func (p *ports) follow(ctx context.Context) {
	pause, same := lookPause, 0
	for {
		select {
		case <-ctx.Done():
			for _, l := range p.open {
				_ = l.Close()
			}
			return
		case <-time.After(pause):
			before := slices.Sorted(maps.Keys(p.open))
			began := time.Now()
			p.look()
			took := time.Since(began)
			if same++; !slices.Equal(before, slices.Sorted(maps.Keys(p.open))) {
				same = 0
			}
			pause = lookPause
			if same >= eagerLooks {
				// With many instances on one machine the looks are slow, and
				// so they must be rare.
				pause = min(max(lazyPause, lazyShare*took), maxPause)
			}
		}
	}
}

func (p *ports) look() {
	rules, err := readFirewall(p.m.dir)
	if err != nil {
		return // each connection is checked against it, and said so there
	}
	wanted := map[int]bool{}
	if rules.opens(sshPort) {
		wanted[sshPort] = true
	}
	if isolated, _ := p.m.guest.Isolated(); isolated {
		inside, err := p.m.guest.Listening(net.ParseIP(p.m.containers.Publish))
		if err != nil {
			p.m.log.Error("looking for ports", "err", err)
		}
		for _, port := range inside {
			if rules.opens(port) {
				wanted[port] = true
			}
		}
	}
	for port, l := range p.open {
		if !wanted[port] {
			_ = l.Close()
			delete(p.open, port)
		}
	}
	for port := range wanted {
		if p.open[port] == nil {
			p.bind(port)
		}
	}
}

func (p *ports) bind(port int) {
	var c net.ListenConfig
	l, err := c.Listen(p.m.ctx, "tcp", net.JoinHostPort(p.m.config.Address, strconv.Itoa(port)))
	if err != nil {
		if !p.failed[port] {
			p.m.log.Warn("a port cannot be reached at the instance's address, only through the sandbox", "port", port, "err", err)
		}
		p.failed[port] = true
		return
	}
	p.failed[port] = false
	p.open[port] = l
	p.m.serving.Go(func() {
		p.m.serve(l, func(c net.Conn) {
			handle, err := p.m.route(port)
			if err != nil {
				refuse(c)
				return
			}
			handle(c)
		})
	})
}

// refuse ends a connection with a reset, the nearest to never having taken it.
func refuse(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
