package grpcprobe_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"skysail/qos/grpcprobe"
	"skysail/qos/internal/probetest"
	"skysail/qos/metric"
	"skysail/qos/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a real gRPC server.
func serve(t *testing.T, register func(*grpc.Server), opts ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(opts...)
	register(s)
	done := make(chan struct{})
	go func() { _ = s.Serve(l); close(done) }()
	t.Cleanup(func() { s.Stop(); <-done })
	return l.Addr().String()
}

func healthy(s *grpc.Server) {
	h := health.NewServer()
	h.SetServingStatus("good", grpc_health_v1.HealthCheckResponse_SERVING)
	h.SetServingStatus("bad", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	grpc_health_v1.RegisterHealthServer(s, h)
}

// slow answers when its caller has gone.
type slow struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (slow) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestProbe(t *testing.T) {
	ca := probetest.NewCA(t)
	cert := ca.Leaf(time.Now().Add(72*time.Hour), "grpc.example", "127.0.0.1")
	plain := serve(t, healthy)
	secure := serve(t, healthy, grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	none := serve(t, func(*grpc.Server) {})
	trust := probe.NewTLS(probe.TLSOptions{RootCAs: ca.Pool()})
	for _, c := range []struct {
		name, addr string
		o          grpcprobe.Options
		why        string
		code       float64
		timeout    bool
	}{
		{"server", plain, grpcprobe.Options{}, "", 0, false},
		{"service", plain, grpcprobe.Options{Service: "good"}, "", 0, false},
		{"not serving", plain, grpcprobe.Options{Service: "bad"}, "says NOT_SERVING where SERVING is wanted", 0, false},
		{"no such service", plain, grpcprobe.Options{Service: "none"}, `knows no service "none"`, 5, false},
		{"no health service", none, grpcprobe.Options{}, "has no health service", 12, false},
		{"TLS", secure, grpcprobe.Options{TLS: trust, Service: "good"}, "", 0, false},
		{"TLS by name", secure, grpcprobe.Options{TLS: trust, Authority: "grpc.example"}, "", 0, false},
		{"TLS, wrong name", secure, grpcprobe.Options{TLS: trust, Authority: "other.example"}, `is not for "other.example"`, 14, false},
		{"TLS that ends soon", secure, grpcprobe.Options{TLS: trust, MinCertificate: 100 * time.Hour}, "a certificate ends at", 0, false},
		{"TLS of nobody", secure, grpcprobe.Options{TLS: probe.NewTLS(probe.TLSOptions{})}, "not trusted here", 14, false},
		{"no TLS", plain, grpcprobe.Options{TLS: trust}, "TLS", 14, false},
		{"TLS not asked", secure, grpcprobe.Options{}, "does not speak gRPC", 14, false},
		{"slow", serve(t, func(s *grpc.Server) { grpc_health_v1.RegisterHealthServer(s, slow{}) }), grpcprobe.Options{}, "the request was not answered", 4, true},
		{"silence", probetest.Wire(t, probetest.Hold), grpcprobe.Options{}, "the request was not answered", 4, true},
		{"HTTP/1.1", probetest.Wire(t, probetest.Say("HTTP/1.1 400 Bad Request\r\n\r\n")), grpcprobe.Options{}, "does not speak gRPC", 14, false},
		{"garbage", probetest.Wire(t, probetest.Endless("", "garbage ")), grpcprobe.Options{}, "does not speak gRPC", 14, false},
		{"refused", probetest.Closed(t), grpcprobe.Options{}, "connection refused", 14, false},
		{"blackhole", probetest.Blackhole(t), grpcprobe.Options{}, "nothing accepted the connection", 4, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := 20 * time.Second
			if c.timeout {
				d = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			r, err := grpcprobe.Probe(ctx, c.addr, c.o)
			if err != nil {
				t.Fatal(err)
			}
			v := map[string]float64{}
			for _, m := range r.Metrics {
				if _, ok := metric.Lookup(m.Name); !ok {
					t.Errorf("%s is not in the table of names", m.Name)
				}
				v[m.Name+m.Labels["serving_status"]] = m.Value
			}
			if r.Success != (c.why == "") || !strings.Contains(r.Why, c.why) || r.Reached != (c.name != "blackhole") {
				t.Errorf("%v, %q, reached %v", r.Success, r.Why, r.Reached)
			}
			if v["probe_success"] != metric.Bool(r.Success) || v["probe_grpc_status_code"] != c.code {
				t.Errorf("%v", v)
			}
			if c.code == 0 && v["probe_grpc_healthcheck_responseSERVING"] != metric.Bool(c.o.Service != "bad") {
				t.Errorf("%v", v)
			}
			if secure := c.o.TLS != nil && c.code == 0; v["probe_grpc_ssl"] != metric.Bool(secure) {
				t.Errorf("%v", v)
			}
		})
	}
	if _, err := grpcprobe.Probe(t.Context(), "nohost", grpcprobe.Options{}); err == nil {
		t.Error("an address without a port was probed")
	}
	local := &probe.LocalError{Err: net.ErrClosed}
	o := grpcprobe.Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, local }}
	if r, err := grpcprobe.Probe(t.Context(), plain, o); err == nil || len(r.Metrics) > 0 {
		t.Errorf("%+v", r)
	}
}
