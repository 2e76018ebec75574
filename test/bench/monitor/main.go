// Command monitor measures what watching takes: many HTTP targets at one
// interval, each asked over a fresh connection by the monitor as `skysail
// monitor` runs it. It prints how late readings began and what one costs;
// docs/benchmarks.md says what was measured. It fails when something does not
// work, never by a number.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"skysail/qos"
	"skysail/qos/health"
	"skysail/qos/monitor"
	"skysail/spec"
	"skysail/test/bench/process"
)

func main() {
	targets := flag.Int("targets", 10_000, "how many HTTP targets")
	every := flag.Duration("every", 10*time.Second, "the interval")
	length := flag.Duration("length", time.Minute, "how long to measure, after one interval")
	role := flag.String("role", "", "of a child: server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *role == "server" {
		err = server()
	} else {
		err = measure(ctx, *targets, *every, *length)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "monitor:", err)
		stop()
		os.Exit(1)
	}
}

// server answers on all loopback addresses until its input ends.
func server() error {
	l, err := net.Listen("tcp", "0.0.0.0:0") //nolint:gosec,noctx // for as long as a benchmark takes
	if err != nil {
		return err
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // a TCP listener
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	go func() { _ = (&http.Server{Handler: h, ReadHeaderTimeout: time.Minute}).Serve(l) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// addresses are how many loopback addresses the targets share: connections to
// one are as many as there are ports, for a minute after their end.
const addresses = 100

func measure(ctx context.Context, targets int, every, length time.Duration) error {
	out, end, err := process.Serve(ctx, "-role", "server")
	if err != nil {
		return err
	}
	defer end()
	var port int
	if _, err := fmt.Fscan(out, &port); err != nil {
		return fmt.Errorf("the server did not start: %w", err)
	}
	collector := qos.NewCollector(qos.Options{Health: health.NewProber()})
	check := &spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/healthz"}}
	var failed atomic.Int64
	watches := make([]monitor.Watch, targets)
	empty := heap()
	for i := range watches {
		id := fmt.Sprintf("d%010d", i)
		t := qos.Target{
			Deployment: id, DeploymentID: id, Instance: id + "-0", Provider: "vultr", Health: check,
			Address: fmt.Sprintf("127.0.0.%d", 1+i%addresses), HealthPort: qos.HealthPort{Number: port, Public: true},
		}
		watches[i] = monitor.Watch{
			Job: monitor.Job{Key: id, Every: every, Timeout: every},
			Read: func(ctx context.Context) qos.Result {
				res := collector.CollectOne(ctx, t, qos.SourceHTTP)
				for _, s := range res.Samples {
					if s.Name == "probe_success" && s.Value != 1 {
						failed.Add(1)
					}
				}
				return res
			},
		}
	}
	m := monitor.New(monitor.Options{
		Watches: func(context.Context) ([]monitor.Watch, error) { return watches, nil },
		Version: func(context.Context) (int64, error) { return 1, nil },
	})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	if !sleep(ctx, every) {
		return context.Cause(ctx)
	}
	before, cpuBefore := m.State().Stats(), process.CPU()
	if !sleep(ctx, length) {
		return context.Cause(ctx)
	}
	after, used := m.State().Stats(), process.CPU()-cpuBefore
	held := heap() - empty
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		return err
	}
	report(before, after, used, length, targets, held)
	if n := failed.Load(); n > 0 {
		return fmt.Errorf("%d checks failed", n)
	}
	return nil
}

func report(before, after monitor.Stats, used, length time.Duration, targets int, held uint64) {
	bounds := monitor.DelayBounds()
	total, late := uint64(0), uint64(0)
	for i := range after.Delays {
		n := after.Delays[i] - before.Delays[i]
		total += n
		if i > 5 {
			late += n
		}
	}
	fmt.Printf("%d targets, %d readings in %s (%.0f a second)\n", targets, total, length, float64(total)/length.Seconds())
	sum := uint64(0)
	for i := range after.Delays {
		sum += after.Delays[i] - before.Delays[i]
		bound := "more"
		if i < len(bounds) {
			bound = bounds[i].String()
		}
		fmt.Printf("  began up to %-6s late: %7.3f %%\n", bound, 100*float64(sum)/float64(max(total, 1)))
	}
	fmt.Printf("later than 100 ms: %.3f %% (wanted: at most 1), missed %d, mean delay %s\n", 100*float64(late)/float64(max(total, 1)),
		after.Missed-before.Missed, ((after.DelaySum - before.DelaySum) / time.Duration(max(total, 1))).Round(time.Microsecond))
	fmt.Printf("CPU of a reading: %.0f µs; of this process: %.0f %% of one core\n",
		float64(used.Microseconds())/float64(max(total, 1)), 100*used.Seconds()/length.Seconds())
	fmt.Printf("heap a target: %.1f KB\n", float64(held)/float64(targets)/1000)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// heap is what lives now.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
