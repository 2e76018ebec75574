package qos

import (
	"context"
	"crypto/x509"
	"net"
	"net/url"
	"strconv"
	"time"

	"skysail/qos/health"
	"skysail/qos/httpprobe"
	"skysail/qos/sshclient"
)

// HealthSources are the names of the sources that a health check may have;
// each target has one at most.
func HealthSources() []string { return []string{SourceHTTP, SourceTCP, SourceGRPC} }

// healthSource asks the service as its health block says, for one kind of
// block.
type healthSource struct {
	kind   string
	roots  *x509.CertPool
	pool   *sshclient.Pool
	prober *health.Prober
	// remembers is set when the prober outlives the collection: only then do
	// thresholds mean something.
	remembers bool
}

func (s healthSource) Name() string { return s.kind }

func (s healthSource) Applies(t Target) bool {
	if healthKind(t) != s.kind {
		return false
	}
	// A port that is not public can be asked on the instance alone.
	return t.HealthURL != "" || t.Address != "" && t.HealthPort.Number > 0 && (t.HealthPort.Public || t.SSH != nil)
}

func healthKind(t Target) string {
	switch h := t.Health; {
	case h == nil && t.HealthURL == "":
		return ""
	case h == nil || h.HTTP != nil:
		return SourceHTTP
	case h.TCP != nil:
		return SourceTCP
	case h.GRPC != nil:
		return SourceGRPC
	}
	return ""
}

func (s healthSource) Read(ctx context.Context, t Target) (Reading, error) {
	if t.Health == nil {
		r, err := httpprobe.Probe(ctx, t.HealthURL, httpprobe.Options{Dial: t.Dial, RootCAs: s.roots})
		if err != nil {
			return Reading{}, err
		}
		reading := Reading{Metrics: r.Metrics, ObservedAt: time.Now(), Notes: r.Notes}
		if !r.Success {
			reading.Notes = append([]string{r.Why}, r.Notes...)
		}
		return reading, nil
	}
	r, err := s.prober.Ask(ctx, t.DeploymentID+"/"+t.Instance, t.Health, s.place(t))
	if err != nil {
		return Reading{}, err
	}
	known := false
	for _, v := range r.Views {
		known = known || v.Err == nil
	}
	if !known { // nothing was seen, from nowhere
		return Reading{}, r.Views[0].Err
	}
	reading := Reading{Metrics: r.Metrics, ObservedAt: time.Now()}
	if s.remembers {
		reading.Metrics = append(reading.Metrics, r.State.Metrics()...)
	}
	if r.Why != "" {
		reading.Notes = append(reading.Notes, r.Why)
	}
	for _, v := range r.Views {
		reading.Notes = append(reading.Notes, v.Notes...)
	}
	return reading, nil
}

// place says where the service is. The health URL of an instance has the host
// and port by which it is reached from here.
func (s healthSource) place(t Target) health.Place {
	at := health.Place{Host: t.Address, Port: t.HealthPort.Number, Public: t.HealthPort.Public, RootCAs: s.roots}
	if t.Dial != nil {
		at.Dial = t.Dial
	}
	if u, err := url.Parse(t.HealthURL); err == nil && u.Hostname() != "" {
		at.Host, at.Public = u.Hostname(), true
		if n, err := strconv.Atoi(u.Port()); err == nil {
			at.Port = n
		}
	}
	if t.SSH != nil {
		at.DialSSH = func(ctx context.Context, _, addr string) (net.Conn, error) {
			return dialSSH(ctx, s.pool, t.ssh(), addr)
		}
	}
	return at
}

// dialSSH connects from the instance, over the pool's connection or, without
// a pool, over one that ends with this one.
func dialSSH(ctx context.Context, pool *sshclient.Pool, t sshclient.Target, addr string) (net.Conn, error) {
	if pool != nil {
		return pool.Dial(ctx, t, addr)
	}
	return sshclient.Dial(ctx, t, addr)
}
