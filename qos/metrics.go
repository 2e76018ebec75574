package qos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"skysail/qos/metric"
	"skysail/qos/scrape"
	"skysail/qos/sshclient"
)

// SourceMetrics is what the service tells of itself, by its metrics block.
const SourceMetrics = "metrics"

// metricsSource scrapes the service: from here where its port is public, and
// through the instance's SSH connection where it is not.
type metricsSource struct{ pool *sshclient.Pool }

func (metricsSource) Name() string { return SourceMetrics }

func (metricsSource) Applies(t Target) bool {
	return t.Metrics != nil && t.Kube == nil && t.Address != "" && t.MetricsPort.Number > 0 && (t.MetricsPort.Public || t.SSH != nil)
}

func (s metricsSource) Read(ctx context.Context, t Target) (Reading, error) {
	host, port, dial := t.Address, strconv.Itoa(t.MetricsPort.Number), t.Dial
	where := "from here"
	if !t.MetricsPort.Public {
		host, where = "127.0.0.1", "on the instance"
		dial = func(ctx context.Context, _, addr string) (net.Conn, error) {
			return dialSSH(ctx, s.pool, t.ssh(), addr)
		}
	}
	r, err := scrape.Scrape(ctx, scrape.Options{
		Host: net.JoinHostPort(host, port), Path: t.Metrics.Path, Dial: dial, Allow: t.Metrics.Allow, Limit: t.Metrics.MaxSeries(), Reserved: reserved,
	})
	if err != nil {
		return Reading{}, fmt.Errorf("read the service's metrics %s, port %s, %s: %w", where, port, t.Metrics.Path, hint(err))
	}
	reading := Reading{ObservedAt: time.Now(), Families: r.Families, Metrics: scrape.Flat(r.Families)}
	reading.Metrics = append(reading.Metrics, metric.One(metric.ServiceSeries, float64(r.Series)))
	for _, why := range []string{scrape.DroppedLabels, scrape.DroppedLimit, scrape.DroppedName, scrape.DroppedReserved, scrape.DroppedTwice} {
		n := r.Dropped[why]
		reading.Metrics = append(reading.Metrics, metric.With(metric.ServiceSeriesDropped, float64(n), "reason", why))
		if n == 0 {
			continue
		}
		note := fmt.Sprintf("%d of the service's series are left out (%s)", n, why)
		if why == scrape.DroppedLimit {
			note += fmt.Sprintf(": the limit is %d; raise it in the metrics block, or choose with allow", t.Metrics.MaxSeries())
		}
		reading.Notes = append(reading.Notes, note)
	}
	return reading, nil
}

// hint says what to do where the cause does not.
func hint(err error) error {
	if errors.Is(err, sshclient.ErrForward) {
		return fmt.Errorf("%w; does the service listen there on 127.0.0.1 or all addresses?", err)
	}
	return err
}

// reserved are names that this program tells: a service must not seem to be
// its judge.
func reserved(name string) bool {
	_, ours := metric.Lookup(name)
	return ours || strings.HasPrefix(name, "skysail_") || strings.HasPrefix(name, "probe_")
}
