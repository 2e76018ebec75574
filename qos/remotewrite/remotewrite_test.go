package remotewrite_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"

	"skysail/qos"
	"skysail/qos/remotewrite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fields are the fields of a protobuf message, by number.
func fields(t *testing.T, b []byte) map[protowire.Number][][]byte {
	t.Helper()
	out := map[protowire.Number][][]byte{}
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			t.Fatal("no tag")
		}
		b = b[size:]
		size = protowire.ConsumeFieldValue(n, kind, b)
		if size < 0 {
			t.Fatal("no value")
		}
		value := b[:size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		out[n] = append(out[n], value)
		b = b[size:]
	}
	return out
}

// series are the label sets of a request, as name=value.
func series(t *testing.T, body []byte) [][]string {
	t.Helper()
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, one := range fields(t, raw)[1] {
		f := fields(t, one)
		var labels []string
		for _, l := range f[1] {
			pair := fields(t, l)
			labels = append(labels, string(pair[1][0])+"="+string(pair[2][0]))
		}
		sample := fields(t, f[2][0])
		if len(f[2]) != 1 || len(sample[1]) != 1 || len(sample[2]) != 1 {
			t.Errorf("a series has %d samples", len(f[2]))
		}
		out = append(out, labels)
	}
	return out
}

func results(n int) []qos.Result {
	target := qos.Target{Deployment: "echo", Instance: "echo-0", Provider: "vultr", Region: "ewr"}
	res := qos.Result{Reports: []qos.Report{{Target: target, Source: "ssh"}}}
	for range n {
		res.Samples = append(res.Samples, qos.Sample{
			Deployment: "echo", Instance: "echo-0", Source: "ssh", Name: "node_load1", Value: 0.5, CollectedAt: time.Now(),
			Labels: map[string]string{"region": "mine", "z": "a\xffb", "empty": ""},
		})
	}
	return []qos.Result{res}
}

// run sends until the writer has nothing left, and ends it.
func run(t *testing.T, w *remotewrite.Writer, until func(remotewrite.Stats) bool) remotewrite.Stats {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	for end := time.Now().Add(20 * time.Second); !until(w.Stats()) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-done
	return w.Stats()
}

func TestRequest(t *testing.T) {
	var got [][]string
	var head http.Header
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return // cut off by the end; it comes again
		}
		got, head = append(got, series(t, b)...), r.Header
		if r.URL.Path != "/api/v1/write" {
			t.Error(r.URL.Path)
		}
	}))
	defer s.Close()
	w, err := remotewrite.New(remotewrite.Options{URL: s.URL + "/api/v1/write", Token: "the-token", Client: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	w.Add(results(2500)) // two requests, in one go
	stats := run(t, w, func(s remotewrite.Stats) bool { return s.Sent == 2500 })
	want := []string{
		"__name__=node_load1", "deployment=echo", "exported_region=mine", "instance=echo-0", "provider=vultr", "region=ewr", "sandbox=false", "z=a\ufffdb",
	}
	if len(got) != 2500 || !slices.Equal(got[0], want) || stats.Sent != 2500 || stats.Dropped+stats.Waiting != 0 {
		t.Errorf("%d series, %q, %+v", len(got), got[0], stats)
	}
	for name, value := range map[string]string{
		"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0", "Authorization": "Bearer the-token",
	} {
		if head.Get(name) != value {
			t.Errorf("%s: %q", name, head.Get(name))
		}
	}
}

// TestReceiverInTrouble: what is not taken for now is sent again, what is
// refused is counted.
func TestReceiverInTrouble(t *testing.T) {
	var requests, status atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(int(status.Load()))
		_, _ = io.WriteString(w, "out of bounds")
	}))
	defer s.Close()
	o := remotewrite.Options{URL: s.URL + "/write", Client: s.Client(), Backoff: 10 * time.Millisecond}
	w, err := remotewrite.New(o)
	if err != nil {
		t.Fatal(err)
	}
	status.Store(http.StatusNoContent)
	w.Add(results(2000))
	if got := run(t, w, func(s remotewrite.Stats) bool { return s.Sent == 2000 }); got.Sent != 2000 || got.Retries != 2 || got.Err != nil {
		t.Errorf("%+v", got)
	}
	status.Store(http.StatusBadRequest)
	w.Add(results(2000))
	got := run(t, w, func(s remotewrite.Stats) bool { return s.Dropped == 2000 })
	if got.Dropped != 2000 || got.Err == nil || !strings.Contains(got.Err.Error(), "out of bounds") {
		t.Errorf("%+v", got)
	}
}

func TestNobodyTakesIt(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	w, err := remotewrite.New(remotewrite.Options{URL: s.URL + "/write", Backoff: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w.Add(results(2000))
	begin := time.Now()
	got := run(t, w, func(s remotewrite.Stats) bool { return s.Retries > 3 })
	if got.Waiting != 2000 || got.Err == nil || time.Since(begin) > 19*time.Second {
		t.Errorf("%+v after %s", got, time.Since(begin))
	}
	many := results(10_000)
	for range 31 {
		w.Add(many)
	}
	if got := w.Stats(); got.Waiting != 300_000 || got.Dropped != 12_000 {
		t.Errorf("%+v", got)
	}
}

func TestNoURL(t *testing.T) {
	for _, u := range []string{"", "prometheus:9090", "ftp://x/y", "http://"} {
		if _, err := remotewrite.New(remotewrite.Options{URL: u}); err == nil {
			t.Errorf("%q was taken", u)
		}
	}
}
