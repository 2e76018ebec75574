package httpprobe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/qos/httpprobe"
	"skysail/qos/metric"
)

func TestMain(m *testing.M) {
	if os.Getenv(serverEnv) != "" {
		serveBench()
		return
	}
	goleak.VerifyTestMain(m)
}

const slow = 60 * time.Millisecond

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, url string, o httpprobe.Options) (httpprobe.Result, map[string]float64) {
	t.Helper()
	return askFor(t, 10*time.Second, url, o)
}

// askFor runs a probe that must be made, and returns its metrics by name.
func askFor(t *testing.T, d time.Duration, url string, o httpprobe.Options) (httpprobe.Result, map[string]float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	r, err := httpprobe.Probe(ctx, url, o)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, m := range r.Metrics {
		if _, ok := metric.Lookup(m.Name); !ok {
			t.Errorf("%s is not in the table of names", m.Name)
		}
		values[m.Name+m.Labels["phase"]] = m.Value
	}
	if len(values) != len(r.Metrics) {
		t.Errorf("a series is there twice: %v", r.Metrics)
	}
	if values["probe_success"] != metric.Bool(r.Success) || r.Success != (r.Why == "") {
		t.Errorf("success %v, why %q, metrics %v", r.Success, r.Why, values)
	}
	sum := 0.0
	for _, phase := range []string{"resolve", "connect", "tls", "processing", "transfer"} {
		v, ok := values["probe_http_duration_seconds"+phase]
		if !ok || v < 0 {
			t.Errorf("phase %s took %v (there: %v)", phase, v, ok)
		}
		sum += v
	}
	if all := values["probe_duration_seconds"]; sum > all+1e-6 {
		t.Errorf("the phases took %v s, the whole %v s: some time was counted twice", sum, all)
	}
	return r, values
}

func TestPhases(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(slow)
		w.WriteHeader(http.StatusNoContent + 2)
		_, _ = fmt.Fprint(w, "a")
		w.(http.Flusher).Flush()
		time.Sleep(2 * slow)
		_, _ = fmt.Fprint(w, "b")
	})
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		time.Sleep(3 * slow)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	r, v := ask(t, s.URL, httpprobe.Options{Dial: dial})
	if !r.Success || v["probe_http_status_code"] != 206 || v["probe_http_ssl"] != 0 {
		t.Errorf("%+v", r)
	}
	for phase, least := range map[string]time.Duration{"connect": 3 * slow, "processing": slow, "transfer": 2 * slow} {
		if got := v["probe_http_duration_seconds"+phase]; got < least.Seconds() {
			t.Errorf("%s took %v s, it slept %v", phase, got, least)
		}
	}
	if got := v["probe_duration_seconds"]; got < (6 * slow).Seconds() {
		t.Errorf("the whole took %v s", got)
	}
	if v["probe_http_duration_secondstls"] != 0 {
		t.Error("TLS took time where there is none")
	}
}

func TestResolve(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r, v := ask(t, "http://localhost:"+port+"/", httpprobe.Options{})
	if !r.Success || v["probe_http_duration_secondsresolve"] <= 0 {
		t.Errorf("%q, resolve %v", r.Why, v["probe_http_duration_secondsresolve"])
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	r, v := ask(t, s.URL, httpprobe.Options{RootCAs: pool})
	if !r.Success || v["probe_http_ssl"] != 1 || v["probe_http_duration_secondstls"] <= 0 {
		t.Errorf("%+v", r)
	}
	if want := float64(s.Certificate().NotAfter.Unix()); v["probe_ssl_earliest_cert_expiry"] != want {
		t.Errorf("certificate ends %v, want %v", v["probe_ssl_earliest_cert_expiry"], want)
	}
	r, v = ask(t, s.URL, httpprobe.Options{})
	if r.Success || !strings.Contains(r.Why, "certificate") || v["probe_http_status_code"] != 0 {
		t.Errorf("a certificate of nobody: %+v", r)
	}
}

func TestWrongAnswers(t *testing.T) {
	block := make(chan struct{})
	t.Cleanup(func() { close(block) })
	for _, c := range []struct {
		name   string
		h      http.HandlerFunc
		why    string
		status float64
	}{
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "status 500 where 2xx is wanted", 500},
		{"404", http.NotFound, "status 404", 404},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				t.Error("the redirect was followed")
			}
			http.Redirect(w, r, "/login", http.StatusFound)
		}, `sends on to "/login"`, 302},
		{"slow", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-block:
			case <-r.Context().Done():
			}
		}, "no answer in time", 0},
		{"slow body", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			select {
			case <-block:
			case <-r.Context().Done():
			}
		}, "the body did not come in time", 200},
		{"broken body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = fmt.Fprint(w, "short")
		}, "the body broke off", 200},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "closed without an answer", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := 10 * time.Second
			if strings.HasPrefix(c.name, "slow") {
				d = 500 * time.Millisecond
			}
			r, v := askFor(t, d, serve(t, c.h).URL, httpprobe.Options{})
			if r.Success || !strings.Contains(r.Why, c.why) || v["probe_http_status_code"] != c.status {
				t.Errorf("why %q, status %v", r.Why, v["probe_http_status_code"])
			}
		})
	}
}

func TestRefused(t *testing.T) {
	s := serve(t, nil)
	s.Close()
	r, v := ask(t, s.URL, httpprobe.Options{})
	if r.Success || !strings.Contains(r.Why, "refused") || v["probe_http_duration_secondsprocessing"] != 0 {
		t.Errorf("%+v", r)
	}
}

func TestLargeBodyIsCut(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	if r, _ := ask(t, s.URL, httpprobe.Options{}); !r.Success {
		t.Errorf("%q", r.Why)
	}
}

func TestEnvironmentProxyIsNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != "service.example:80" {
			t.Errorf("it dialled %s", addr)
		}
		return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
	}
	if r, _ := ask(t, "http://service.example/", httpprobe.Options{Dial: dial}); !r.Success {
		t.Errorf("%q", r.Why)
	}
}

// TestUnknown is what says nothing of the target: then there is no sample.
func TestUnknown(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENETUNREACH, syscall.EMFILE} {
		dial := func(context.Context, string, string) (net.Conn, error) { return nil, errno }
		r, err := httpprobe.Probe(t.Context(), "http://192.0.2.1/", httpprobe.Options{Dial: dial})
		if !errors.Is(err, errno) || len(r.Metrics) > 0 {
			t.Errorf("%v: got %+v, %v", errno, r, err)
		}
	}
	for _, url := range []string{"", "localhost:80", "ftp://host/", "http://", "http://a b/", "file:///etc/passwd"} {
		if _, err := httpprobe.Probe(t.Context(), url, httpprobe.Options{}); err == nil {
			t.Errorf("%q is no health URL, but was probed", url)
		}
	}
	stop := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { cancel(stop); <-r.Context().Done() })
	if r, err := httpprobe.Probe(ctx, s.URL, httpprobe.Options{}); !errors.Is(err, stop) || len(r.Metrics) > 0 {
		t.Errorf("cancelled: %+v, %v", r, err)
	}
}
