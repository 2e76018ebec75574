package logtail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/internal/reexec"
	"skysail/qos/logtail"
	"skysail/qos/sshclient"
	"skysail/spec"
	"skysail/store"
)

func init() { reexec.Register("log-collector", collector) }

func TestMain(m *testing.M) {
	reexec.Main()
	goleak.VerifyTestMain(m)
}

const (
	deployment = "d1"
	instance   = "echo-0"
)

// collector reads the logs of one instance over and over and says how many
// lines each reading kept. Its arguments are the store, the SSH server's
// address, user, host key and key file, and the log's path.
func collector(args []string) int {
	ctx := context.Background()
	s, err := store.Open(ctx, args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pool := sshclient.NewPool(sshclient.WithConnectTimeout(20 * time.Second))
	r := &logtail.Reader{Store: s}
	t := target(pool, sshclient.Target{Addr: args[1], User: args[2], HostKey: args[3], KeyFile: args[4]}, args[5])
	for {
		turn, cancel := context.WithTimeout(ctx, 60*time.Second)
		res, err := r.Read(turn, t)
		cancel()
		if err != nil {
			fmt.Fprintln(os.Stderr, strings.SplitN(err.Error(), "\n", 2)[0])
			time.Sleep(50 * time.Millisecond)
			continue
		}
		for _, n := range res.Notes {
			fmt.Fprintln(os.Stderr, n)
		}
		fmt.Println(res.Lines, res.More)
		time.Sleep(20 * time.Millisecond)
	}
}

func target(pool *sshclient.Pool, t sshclient.Target, path string) logtail.Target {
	return logtail.Target{
		DeploymentID: deployment, Instance: instance,
		Logs: &spec.Logs{
			Files:     []spec.LogFile{{Path: path}},
			Retention: spec.LogRetention{SizeMB: 100_000},
			Rules: []spec.LogRule{
				{Name: "numbers", Regex: `^number (?P<n>[0-9]+) of (?P<kind>[a-z]+)`, Labels: map[string]string{"kind": "kind"}},
				{Name: "highest", Metric: spec.LogGauge, Regex: `^number (?P<n>[0-9]+)`, Value: "n"},
			},
		},
		Run: func(ctx context.Context, script string) ([]byte, error) { return pool.Script(ctx, t, script) },
	}
}

// newStore makes a store with one deployment.
func newStore(t testing.TB) (*store.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Create(t.Context(), store.Deployment{ID: deployment, Name: "echo", Phase: store.Pending})
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

// wire is a TCP connection that can be cut.
type wire struct {
	addr string
	mu   sync.Mutex
	open map[net.Conn]bool
	cuts int
}

func newWire(t testing.TB, to string) *wire {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: l.Addr().String(), open: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", to)
			if err != nil {
				_ = a.Close()
				continue
			}
			w.mu.Lock()
			w.open[a], w.open[b] = true, true
			w.mu.Unlock()
			for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
				wg.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_, _ = pair[0].Close(), pair[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		wg.Wait()
	})
	return w
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		if err := c.Close(); err == nil || !errors.Is(err, net.ErrClosed) {
			w.cuts++
		}
	}
	w.open = map[net.Conn]bool{}
}
