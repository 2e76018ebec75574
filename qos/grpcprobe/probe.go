// Package grpcprobe asks a service by gRPC's health checking protocol
// (grpc.health.v1, https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
// Metrics have the names and the meaning of blackbox_exporter.
package grpcprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"skysail/qos/metric"
	"skysail/qos/probe"
)

// maxMessage bounds the answer, which has a few bytes.
const maxMessage = 64 << 10

// Options says how a server is reached and of which service it is asked. They
// are read only and may be used for many probes, side by side.
type Options struct {
	// Dial is used in place of net.Dialer where it is set.
	Dial probe.DialFunc
	// TLS is spoken where it is set; otherwise HTTP/2 in plain text.
	TLS *probe.TLS
	// Service is the name that is asked for; empty is the server as a whole.
	Service string
	// Authority is what the server is asked as (:authority); empty is addr.
	Authority string
	// MinCertificate is how much longer the certificates must be valid.
	MinCertificate time.Duration
}

// Result is a probe that was made.
type Result = probe.Result

// Probe asks the server at addr, which is host:port, until ctx ends. A target
// that refuses, answers wrongly or not in time is a Result without success; an
// error means that no probe could be made, so nothing is known of the target.
func Probe(ctx context.Context, addr string, o Options) (Result, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return Result{}, fmt.Errorf("the address %q is not host:port", addr)
	}
	if o.Authority == "" {
		o.Authority = addr
	}
	if h, _, err := net.SplitHostPort(o.Authority); err == nil {
		host = h
	} else {
		host = o.Authority
	}
	a := asking{o: &o, addr: addr, host: host}
	start := time.Now()
	answer, err := a.check(ctx)
	end := time.Now()
	if deadline, has := ctx.Deadline(); err != nil && has && !end.Before(deadline) {
		// The end of the time closes the connection, which gRPC may see first,
		// and even before ctx tells of it.
		err = status.Error(codes.DeadlineExceeded, "no answer in time")
	}
	c, connectErr := a.connection()
	failed := err
	if connectErr != nil && err != nil {
		failed = connectErr
	}
	if failed != nil && probe.Unknowable(ctx, failed) {
		if errors.Is(ctx.Err(), context.Canceled) {
			return Result{}, context.Cause(ctx)
		}
		return Result{}, fmt.Errorf("no probe could be made: %w", failed)
	}
	r := Result{Reached: !c.Times.Connected.IsZero() || probe.Reached(connectErr)}
	switch {
	case err == nil && answer != grpc_health_v1.HealthCheckResponse_SERVING:
		r.Why = fmt.Sprintf("the service says %s where SERVING is wanted", answer)
	case err == nil:
		r.Why = probe.ExpiresWithin(c, o.MinCertificate)
	case connectErr != nil:
		r.Why = probe.ConnectFault(ctx, c, connectErr)
	default:
		r.Why = a.why(ctx, err)
	}
	r.Success = r.Why == ""
	r.Metrics = a.metrics(r.Success, answer, err, c, start, end)
	return r, nil
}

// asking is one probe. gRPC dials on a goroutine of its own.
type asking struct {
	o          *Options
	addr, host string

	mu   sync.Mutex
	conn *probe.Conn
	err  error
}

func (a *asking) connection() (*probe.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil {
		return &probe.Conn{}, a.err
	}
	return a.conn, a.err
}

func (a *asking) check(ctx context.Context) (grpc_health_v1.HealthCheckResponse_ServingStatus, error) {
	// The first connection decides: what gRPC would try again belongs to the
	// next probe.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var once sync.Once
	dial := func(context.Context, string) (net.Conn, error) {
		err := errors.New("one connection is made for a probe")
		var conn net.Conn
		once.Do(func() {
			var protos []string
			if a.o.TLS != nil {
				protos = []string{"h2"}
			}
			var c *probe.Conn
			c, err = probe.Connect(ctx, a.o.Dial, a.addr, a.o.TLS, a.host, protos...)
			a.mu.Lock()
			defer a.mu.Unlock()
			a.conn, a.err = c, err
			conn = c
		})
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
	client, err := grpc.NewClient("passthrough:///"+a.addr,
		grpc.WithContextDialer(dial), grpc.WithTransportCredentials(ready{a}), grpc.WithAuthority(a.o.Authority),
		grpc.WithNoProxy(), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithUserAgent("skysail-probe"),
		grpc.WithIdleTimeout(0), grpc.WithMaxHeaderListSize(maxMessage),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.WaitForReady(false)))
	if err != nil {
		return 0, &probe.LocalError{Err: fmt.Errorf("health request: %w", err)}
	}
	defer func() {
		cancel()
		_ = client.Close()
		once.Do(func() {}) // a dial that runs is waited for: its times are read next
	}()
	answer, err := grpc_health_v1.NewHealthClient(client).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: a.o.Service})
	if err != nil {
		return 0, err
	}
	return answer.GetStatus(), nil
}

// why says in words what the server answered in place of a status.
func (a *asking) why(ctx context.Context, err error) string {
	s := status.Convert(err)
	shown := probe.Excerpt([]byte(s.Message()))
	switch {
	case probe.TimedOut(ctx, err) || s.Code() == codes.DeadlineExceeded:
		return "no answer in time: the connection was accepted, but the request was not answered"
	case s.Code() == codes.Unimplemented:
		return "the server has no health service (grpc.health.v1.Health): register it, or use a tcp check"
	case s.Code() == codes.NotFound:
		return fmt.Sprintf("the server knows no service %s", probe.Excerpt([]byte(a.o.Service)))
	case s.Code() == codes.Unavailable && (strings.Contains(s.Message(), "error reading server preface") || strings.Contains(s.Message(), "connection error")):
		return "the port does not speak gRPC: " + shown
	}
	return fmt.Sprintf("the check failed with status %s: %s", s.Code(), shown)
}

func (a *asking) metrics(success bool, answer grpc_health_v1.HealthCheckResponse_ServingStatus, err error, c *probe.Conn, start, end time.Time) []metric.Metric {
	resolve := c.Times.Resolve(end)
	out := []metric.Metric{
		metric.One(metric.ProbeSuccess, metric.Bool(success)),
		metric.One(metric.ProbeDuration, end.Sub(start).Seconds()),
		metric.With("probe_grpc_duration_seconds", resolve.Seconds(), "phase", "resolve"),
		metric.With("probe_grpc_duration_seconds", max(end.Sub(start)-resolve, 0).Seconds(), "phase", "check"),
		metric.One("probe_grpc_ssl", metric.Bool(a.o.TLS != nil && !c.Times.TLSDone.IsZero())),
		metric.One("probe_grpc_status_code", float64(status.Code(err))),
	}
	if err == nil {
		names := make([]string, 0, len(grpc_health_v1.HealthCheckResponse_ServingStatus_name))
		for _, name := range grpc_health_v1.HealthCheckResponse_ServingStatus_name {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			out = append(out, metric.With("probe_grpc_healthcheck_response", metric.Bool(name == answer.String()), "serving_status", name))
		}
	}
	out = append(out, probe.AddressMetrics(c, resolve)...)
	if a.o.TLS != nil {
		out = append(out, a.o.TLS.Metrics(c, a.host)...)
	}
	return out
}

// ready are credentials for a connection whose handshake was done already.
type ready struct{ a *asking }

func (r ready) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	info := info{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}
	if r.a.o.TLS != nil {
		info.SecurityLevel = credentials.PrivacyAndIntegrity
	}
	return conn, info, nil
}

func (ready) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("a probe serves nobody")
}

func (r ready) Info() credentials.ProtocolInfo {
	if r.a.o.TLS == nil {
		return credentials.ProtocolInfo{SecurityProtocol: "insecure"}
	}
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (r ready) Clone() credentials.TransportCredentials { return r }
func (ready) OverrideServerName(string) error           { return nil }

type info struct{ credentials.CommonAuthInfo }

func (info) AuthType() string { return "tls" }
