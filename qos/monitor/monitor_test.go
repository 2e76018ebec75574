package monitor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"skysail/qos"
	"skysail/qos/metric"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is what a test monitor watches.
type fleet struct {
	mu      sync.Mutex
	version int64
	watches []Watch
	err     error
	kept    int
	refuse  error
}

func (f *fleet) set(w ...Watch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version++
	f.watches = w
}

func (f *fleet) options() Options {
	return Options{
		Watches: func(context.Context) ([]Watch, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.watches, f.err
		},
		Version: func(context.Context) (int64, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.version, nil
		},
		Keep: func(_ context.Context, readings []qos.Result) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.refuse != nil {
				return f.refuse
			}
			for _, r := range readings {
				f.kept += len(r.Samples)
			}
			return nil
		},
	}
}

// reading is what a source of a target says: one sample, or an error.
func reading1(target, source string, value float64, err error) qos.Result {
	t := qos.Target{Deployment: target, DeploymentID: target, Instance: target + "-0", Provider: "vultr"}
	up := metric.With(metric.SourceUp, metric.Bool(err == nil), "source", source)
	res := qos.Result{
		Reports: []qos.Report{{Target: t, Source: source, Err: err, ObservedAt: time.Now()}},
		Samples: []qos.Sample{{Deployment: target, Instance: t.Instance, Source: source, Name: up.Name, Labels: up.Labels, Value: up.Value}},
	}
	if err == nil {
		res.Samples = append(res.Samples, qos.Sample{Deployment: target, Instance: t.Instance, Source: source, Name: "probe_success", Value: value})
	}
	return res
}

func watch(key string, every time.Duration, patient bool, read func(ctx context.Context) qos.Result) Watch {
	return Watch{Job: Job{Key: key, Every: every, Patient: patient}, Read: read}
}

// start runs a monitor until the test ends it.
func start(o Options) (*Monitor, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	m := New(o)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = m.Run(ctx)
	}()
	return m, func() {
		cancel()
		<-done
	}
}

// TestStartIsSpread: many sources begin over the whole interval and not at
// once, and each keeps its moment.
func TestStartIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, every = 1000, 10 * time.Second
		var mu sync.Mutex
		at := map[int][]time.Duration{}
		begin := time.Now()
		f := &fleet{}
		var all []Watch
		for i := range n {
			all = append(all, watch(fmt.Sprint("w", i), every, false, func(context.Context) qos.Result {
				mu.Lock()
				defer mu.Unlock()
				at[i] = append(at[i], time.Since(begin))
				return reading1(fmt.Sprint("d", i), "http", 1, nil)
			}))
		}
		f.set(all...)
		m, stop := start(f.options())
		time.Sleep(30 * time.Second)
		synctest.Wait()
		stop()
		perSecond := map[int]int{}
		for i := range n {
			if len(at[i]) != 3 {
				t.Fatalf("source %d was read %d times in 30 s: %v", i, len(at[i]), at[i])
			}
			if at[i][1]-at[i][0] != every || at[i][2]-at[i][1] != every {
				t.Fatalf("source %d was read at %v", i, at[i])
			}
			perSecond[int(at[i][0]/time.Second)]++
		}
		for s := range 10 {
			if perSecond[s] < 50 || perSecond[s] > 150 {
				t.Errorf("in second %d of the first interval %d of %d were read", s, perSecond[s], n)
			}
		}
		if s := m.State().Stats(); s.Readings != 3*n || s.Missed != 0 || s.Dropped != 0 {
			t.Errorf("%+v", s)
		}
		if f.kept != 2*3*n {
			t.Errorf("%d samples were kept", f.kept)
		}
	})
}

// TestSlowDelaysNobody: hosts that never answer are left to their deadline,
// and asked less often; the others are read as if there were none.
func TestSlowDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const dead, every = 200, 10 * time.Second
		f := &fleet{}
		var asked, well atomic.Int64
		var all []Watch
		for i := range dead {
			all = append(all, watch(fmt.Sprint("dead", i), every, true, func(ctx context.Context) qos.Result {
				asked.Add(1)
				<-ctx.Done()
				return reading1(fmt.Sprint("dead", i), "ssh", 0, context.Cause(ctx))
			}))
		}
		all = append(all, watch("well", every, true, func(context.Context) qos.Result {
			well.Add(1)
			return reading1("well", "ssh", 1, nil)
		}))
		f.set(all...)
		o := f.options()
		o.Concurrency = dead + 1
		m, stop := start(o)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := well.Load(); n != 60 {
			t.Errorf("the one that is well was read %d times in 10 minutes", n)
		}
		if n := asked.Load() / dead; n < 6 || n > 15 {
			t.Errorf("each dead one was asked %d times in 10 minutes", n)
		}
		if got := len(m.State().Snapshot().Reports); got != dead+1 {
			t.Errorf("%d sources are told of: what can not be read must be seen", got)
		}
		if s := m.State().Stats(); s.DelaySum > time.Second {
			t.Errorf("readings began late by %s in all", s.DelaySum)
		}
		stop()
	})
}

// TestFollowsTheStore: what is added is read at once, what is removed is
// forgotten at once, also in the middle of a reading.
func TestFollowsTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{}
		cut := make(chan error, 1)
		f.set()
		m, stop := start(f.options())
		defer stop()
		if synctest.Wait(); m.Ready() != nil {
			t.Error(m.Ready())
		}
		time.Sleep(time.Minute)
		f.set(watch("a", time.Hour, false, func(context.Context) qos.Result { return reading1("a", "http", 1, nil) }),
			watch("b", time.Hour, false, func(ctx context.Context) qos.Result {
				<-ctx.Done()
				cut <- ctx.Err()
				return reading1("b", "ssh", 0, ctx.Err())
			}))
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if r := m.State().Snapshot().Reports; len(r) != 1 || r[0].Deployment != "a" {
			t.Errorf("after a second: %+v", r)
		}
		f.set()
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if r := m.State().Snapshot().Reports; len(r) != 0 {
			t.Errorf("gone, and told of: %+v", r)
		}
		if err := <-cut; !errors.Is(err, context.Canceled) {
			t.Errorf("the reading that went on: %v", err)
		}
		// A store that can not be asked leaves what was watched as it is.
		f.set(watch("a", 10*time.Second, false, func(context.Context) qos.Result { return reading1("a", "http", 1, nil) }))
		time.Sleep(2 * time.Second)
		f.mu.Lock()
		f.err = errors.New("the disk is gone")
		f.version++
		f.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if r := m.State().Snapshot().Reports; len(r) != 1 || m.Ready() == nil {
			t.Errorf("%+v, ready: %v", r, m.Ready())
		}
	})
}

// TestStale: what is not read any more is not told, and what the store does
// not take is counted.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{refuse: errors.New("no space")}
		var hang atomic.Bool
		f.set(watch("a", 30*time.Second, false, func(ctx context.Context) qos.Result {
			if hang.Load() {
				<-t.Context().Done()
			}
			return reading1("a", "http", 1, nil)
		}))
		m, stop := start(f.options())
		time.Sleep(time.Minute)
		synctest.Wait()
		if m.State().Stats().Dropped == 0 || m.Ready() == nil {
			t.Errorf("%+v, %v", m.State().Stats(), m.Ready())
		}
		ctx, cancel := context.WithCancel(context.Background())
		f.set(watch("a", 30*time.Second, false, func(context.Context) qos.Result {
			<-ctx.Done()
			return reading1("a", "http", 1, nil)
		}))
		time.Sleep(29 * time.Second)
		if n := len(m.State().Snapshot().Reports); n != 1 {
			t.Errorf("%d after 29 s", n)
		}
		time.Sleep(95 * time.Second)
		if n := len(m.State().Snapshot().Reports); n != 0 {
			t.Errorf("%d after two minutes", n)
		}
		if m.State().Stats().Missed == 0 {
			t.Error("no run was missed")
		}
		cancel()
		stop()
	})
}

// TestOwnNetwork: when nothing can be reached, services are unknown and not
// down; when an anchor answers they are down.
func TestOwnNetwork(t *testing.T) {
	var up atomic.Bool
	var asked atomic.Int64
	dial := func(context.Context, string, string) (net.Conn, error) {
		asked.Add(1)
		if !up.Load() {
			return nil, errors.New("network is unreachable")
		}
		c, _ := net.Pipe()
		return c, nil
	}
	down := func() qos.Result { return reading1("a", "http", 0, nil) }
	is := func(res qos.Result) string {
		if errors.Is(res.Reports[0].Err, ErrOwnNetwork) && len(res.Samples) == 1 && res.Samples[0].Value == 0 {
			return "unknown"
		}
		return "down"
	}
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork([]string{"192.0.2.1:443", "192.0.2.2:443"}, dial)
		n.look(t.Context())
		if got := is(n.judge(t.Context(), down())); got != "down" {
			t.Errorf("anchors that never answered prove nothing: %s", got)
		}
		up.Store(true)
		n.look(t.Context())
		if got := is(n.judge(t.Context(), down())); got != "down" {
			t.Errorf("with a network: %s", got)
		}
		up.Store(false)
		time.Sleep(time.Minute)
		before := asked.Load()
		for range 1000 {
			if got := is(n.judge(t.Context(), down())); got != "unknown" {
				t.Fatalf("without a network: %s", got)
			}
		}
		if got := asked.Load() - before; got != 2 {
			t.Errorf("a fleet that is down asked %d times", got)
		}
		local := down()
		local.Reports[0].Provider = "local"
		if is(n.judge(t.Context(), local)) != "down" {
			t.Error("a service of this machine needs no network")
		}
		up.Store(true)
		time.Sleep(time.Minute)
		if got := is(n.judge(t.Context(), down())); got != "down" {
			t.Errorf("with a network again: %s", got)
		}
	})
	if got := is(newNetwork(nil, dial).judge(t.Context(), down())); got != "down" {
		t.Errorf("without anchors: %s", got)
	}
}

// TestADay: a fleet that comes and goes for a day leaves nothing behind.
func TestADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{}
		f.set()
		m, stop := start(f.options())
		for hour := range 24 {
			var all []Watch
			for i := range 100 {
				name := fmt.Sprint("h", hour%2, "-", i)
				all = append(all, watch(name, time.Minute, true, func(context.Context) qos.Result {
					if i%3 == 0 {
						return reading1(name, "ssh", 0, errors.New("refused"))
					}
					return reading1(name, "ssh", 1, nil)
				}))
			}
			f.set(all...)
			time.Sleep(time.Hour)
			synctest.Wait()
			if n := m.State().Stats().Sources; n != 100 {
				t.Fatalf("hour %d: %d sources are known", hour, n)
			}
		}
		f.set()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		m.schedule.mu.Lock()
		left := len(m.schedule.jobs) + len(m.schedule.queue) + len(m.state.latest) + len(m.state.byJob)
		m.schedule.mu.Unlock()
		if left != 0 {
			t.Errorf("%d things are left", left)
		}
		stop()
	})
}

// TestSources: a source that fails keeps the time of its last success, and one
// that is stale is still told of, as such.
func TestSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{}
		var fails, hangs atomic.Bool
		end := make(chan struct{})
		f.set(watch("a", 30*time.Second, false, func(context.Context) qos.Result {
			if hangs.Load() {
				<-end
			}
			if fails.Load() {
				return reading1("a", "http", 0, errors.New("refused"))
			}
			return reading1("a", "http", 1, nil)
		}))
		m, stop := start(f.options())
		defer stop()
		defer close(end)
		time.Sleep(40 * time.Second)
		synctest.Wait()
		first := m.State().Sources()
		if len(first) != 1 || first[0].Err != nil || first[0].Stale || first[0].ReadAt.IsZero() {
			t.Fatalf("%+v", first)
		}
		fails.Store(true)
		time.Sleep(65 * time.Second)
		synctest.Wait()
		s := m.State().Sources()
		if age := time.Since(s[0].ReadAt); s[0].Err == nil || s[0].Stale || age < 60*time.Second || age > 110*time.Second {
			t.Errorf("%+v, read %s ago", s, age)
		}
		hangs.Store(true)
		time.Sleep(20 * time.Minute)
		if s := m.State().Sources(); len(s) != 1 || !s[0].Stale || len(m.State().Snapshot().Reports) != 0 {
			t.Errorf("%+v", s)
		}
	})
}
