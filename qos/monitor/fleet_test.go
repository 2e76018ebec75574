package monitor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skysail/qos"
)

// number is a variable of the environment, or what is tested without it.
func number(t *testing.T, name string, unset int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return unset
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number of them", name, text)
	}
	return n
}

// flapping is a fleet whose machines come, go, fall silent and answer late.
type flapping struct {
	mu      sync.Mutex
	r       *rand.Rand
	names   []int
	next    int
	version int64
	read    int
}

func newFlapping(n int) *flapping {
	f := &flapping{r: rand.New(rand.NewPCG(1, 2)), version: 1}
	for range n {
		f.names = append(f.names, f.next)
		f.next++
	}
	return f
}

// turn replaces a machine in a hundred.
func (f *flapping) turn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range max(len(f.names)/100, 1) {
		f.names[f.r.IntN(len(f.names))] = f.next
		f.next++
	}
	f.version++
}

func (f *flapping) watches(context.Context) ([]Watch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Watch
	for _, n := range f.names {
		for _, source := range []string{qos.SourceHTTP, qos.SourceSSH} {
			target := qos.Target{Deployment: fmt.Sprint("d", n), DeploymentID: fmt.Sprint("id", n), Instance: fmt.Sprint("i", n)}
			out = append(out, Watch{
				Job:  Job{Key: target.Instance + "/" + source, Every: time.Minute, Timeout: 2 * time.Minute, Patient: source == qos.SourceSSH},
				Read: func(ctx context.Context) qos.Result { return f.answer(ctx, target, source) },
			})
		}
	}
	return out, nil
}

// answer is a reading: one in ten fails, one in fifty takes up to three minutes.
func (f *flapping) answer(ctx context.Context, target qos.Target, source string) qos.Result {
	f.mu.Lock()
	f.read++
	fails, slow, late := f.r.IntN(10) == 0, f.r.IntN(50) == 0, time.Duration(f.r.Int64N(int64(3*time.Minute)))
	f.mu.Unlock()
	report := qos.Report{Target: target, Source: source, ObservedAt: time.Now()}
	if slow {
		select {
		case <-ctx.Done():
			report.Err = context.Cause(ctx)
			return qos.Result{Reports: []qos.Report{report}}
		case <-time.After(late):
		}
	}
	if fails {
		report.Err = errors.New("no answer")
		return qos.Result{Reports: []qos.Report{report}}
	}
	res := qos.Result{Reports: []qos.Report{report}}
	for i := range 10 {
		res.Samples = append(res.Samples, qos.Sample{
			Deployment: target.Deployment, Instance: target.Instance, Source: source, Name: fmt.Sprint("metric_", i), Value: 1, ObservedAt: report.ObservedAt,
		})
	}
	return res
}

// TestFlappingFleet watches a fleet in which a hundredth of the machines is
// replaced each minute, over hours of a clock that does not wait: memory,
// descriptors and goroutines are those of the first hours.
func TestFlappingFleet(t *testing.T) {
	hours, machines := number(t, "SKYSAIL_FLEET_HOURS", 4), number(t, "SKYSAIL_FLEET_MACHINES", 50)
	type level struct {
		heap                         uint64
		goroutines, descriptors, set int
	}
	var levels []level
	synctest.Test(t, func(t *testing.T) {
		f := newFlapping(machines)
		m := New(Options{
			Watches: f.watches, Keep: func(context.Context, []qos.Result) error { return nil },
			Version: func(context.Context) (int64, error) {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.version, nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = m.Run(ctx) })
		for minute := range hours * 60 {
			time.Sleep(time.Minute)
			f.turn()
			if minute%60 == 59 {
				synctest.Wait()
				l := level{goroutines: runtime.NumGoroutine(), set: len(m.State().Targets())}
				runtime.GC()
				var mem runtime.MemStats
				runtime.ReadMemStats(&mem)
				l.heap = mem.HeapAlloc
				if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
					l.descriptors = len(fds)
				}
				levels = append(levels, l)
			}
		}
		stats := m.State().Stats()
		cancel()
		running.Wait()
		t.Logf("%d hours of %d machines, %d of them replaced: %d readings, %d missed; %d readings begun", hours, machines, f.next-machines, stats.Readings, stats.Missed, f.read)
		if stats.Dropped != 0 || f.read < hours*60*machines {
			t.Errorf("%d samples dropped, %d readings", stats.Dropped, f.read)
		}
	})
	// The first hour fills what is reused later.
	first, last := levels[1], levels[len(levels)-1]
	t.Logf("after two hours %+v, at the end %+v", first, last)
	if last.heap > first.heap+first.heap/5+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", first.heap, last.heap)
	}
	if last.descriptors > first.descriptors || last.goroutines > 2*first.goroutines+machines/5 {
		t.Errorf("descriptors and goroutines grew: %+v", levels)
	}
	if last.set > machines {
		t.Errorf("%d machines are known of %d", last.set, machines)
	}
}
