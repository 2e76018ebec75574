// Package monitor watches for as long as it runs: every source of every target
// at an interval of its own, each at its own moment in it, so that a slow or
// dead host delays nobody. What there is to watch is asked for again whenever
// it changed. The latest readings are in State; all of them go to a sink.
package monitor

import (
	"context"
	"errors"
	"sync"
	"time"

	"skysail/qos"
)

// Watch is a job that reads something and the answer that it gives.
type Watch struct {
	Job
	// Read reads once; what it could not read is in the reports.
	Read func(ctx context.Context) qos.Result
}

// Options are what a Monitor works with.
type Options struct {
	// Watches says what there is to watch. It is asked at the start and when
	// Version changed; with an error what was watched before goes on.
	Watches func(ctx context.Context) ([]Watch, error)
	// Version changes whenever Watches would answer otherwise. It is asked
	// each second, so it must be cheap.
	Version func(ctx context.Context) (int64, error)
	// Keep takes in what was read, in one call for about a second's readings.
	// What it refuses is counted as dropped.
	Keep func(ctx context.Context, readings []qos.Result) error
	// Concurrency is how many readings there are at once; 512 unless said
	// otherwise.
	Concurrency int
	// Anchors are addresses (host:port) that take connections as long as this
	// machine's own network works; see Network. None means that it is not
	// looked at.
	Anchors []string
	// Dial is net.Dialer's unless said otherwise.
	Dial DialFunc
}

const (
	// follow is how often Version is asked, and what was read is kept.
	follow = time.Second
	// refresh is how often Watches is asked without a reason.
	refresh = 5 * time.Minute
	// maxPending bounds the readings that wait for Keep.
	maxPending = 20_000
)

// Monitor watches. It is made by New and run once.
type Monitor struct {
	o        Options
	schedule *schedule
	state    *State
	network  *Network

	mu      sync.Mutex
	pending []qos.Result
	synced  bool
	syncErr error
	keepErr error
	version int64
	asked   time.Time
}

// New makes a Monitor.
func New(o Options) *Monitor {
	if o.Concurrency <= 0 {
		o.Concurrency = defaultConcurrency
	}
	m := &Monitor{o: o, schedule: newSchedule(o.Concurrency), state: newState()}
	m.network = newNetwork(o.Anchors, o.Dial)
	m.schedule.observe, m.schedule.missed = m.state.began, m.state.missed
	return m
}

// Network is what is known of this machine's own network.
func (m *Monitor) Network() *Network { return m.network }

// State is what was read last.
func (m *Monitor) State() *State { return m.state }

// Ready returns nil once there is something to go by: the targets are known
// and the store takes what is read.
func (m *Monitor) Ready() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.syncErr != nil:
		return m.syncErr
	case !m.synced:
		return errors.New("what there is to watch is not known yet")
	}
	return m.keepErr
}

// Run watches until ctx ends, keeps what was read until then, and returns why
// ctx ended.
func (m *Monitor) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { m.schedule.run(ctx) })
	wg.Go(func() { m.network.look(ctx) })
	m.sync(ctx)
	tick := time.NewTicker(follow)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if up, known := m.network.Up(); known && !up {
				wg.Go(func() { m.network.Cut(ctx) }) // until it is there again
			}
			m.sync(ctx)
			m.flush(ctx)
		}
	}
	wg.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	m.flush(end)
	return context.Cause(ctx)
}

// sync asks what there is to watch when it may have changed.
func (m *Monitor) sync(ctx context.Context) {
	version, err := m.o.Version(ctx)
	m.mu.Lock()
	first, old := !m.synced, m.synced && version == m.version && time.Since(m.asked) < refresh
	m.mu.Unlock()
	if err != nil {
		m.note(&m.syncErr, err)
		return
	}
	if old {
		return
	}
	watches, err := m.o.Watches(ctx)
	if err != nil {
		m.note(&m.syncErr, err)
		return
	}
	jobs := make([]Job, len(watches))
	for i, w := range watches {
		jobs[i] = w.Job
		jobs[i].Run = m.reading(w)
	}
	gone := m.schedule.set(jobs, !first)
	for _, key := range gone {
		m.state.forget(key)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.synced, m.syncErr, m.version, m.asked = true, nil, version, time.Now()
}

func (m *Monitor) note(where *error, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*where = err
}

// reading makes the function that reads a watch once.
func (m *Monitor) reading(w Watch) func(ctx context.Context) bool {
	return func(ctx context.Context) bool {
		res := w.Read(ctx)
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
			return true // the end of the watch or of the monitor says nothing
		}
		res = m.network.judge(ctx, res)
		m.state.put(w.Key, w.Every, res)
		m.mu.Lock()
		if len(m.pending) < maxPending {
			m.pending = append(m.pending, res)
		} else {
			m.state.drop(len(res.Samples))
		}
		m.mu.Unlock()
		for _, r := range res.Reports {
			if r.Err == nil {
				return true
			}
		}
		return len(res.Reports) == 0
	}
}

// flush keeps what was read since the last time.
func (m *Monitor) flush(ctx context.Context) {
	m.mu.Lock()
	pending := m.pending
	m.pending = nil
	m.mu.Unlock()
	if len(pending) == 0 || m.o.Keep == nil {
		return
	}
	err := m.o.Keep(ctx, pending)
	m.note(&m.keepErr, err)
	if err != nil {
		lost := 0
		for _, r := range pending {
			lost += len(r.Samples)
		}
		m.state.drop(lost)
	}
}
