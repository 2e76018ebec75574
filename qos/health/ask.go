package health

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"sync"
	"syscall"

	"skysail/qos/grpcprobe"
	"skysail/qos/httpprobe"
	"skysail/qos/metric"
	"skysail/qos/probe"
	"skysail/qos/sshclient"
	"skysail/qos/tcpprobe"
	"skysail/spec"
)

// View is what was seen from one vantage.
type View struct {
	Vantage string // spec.VantageLocal, spec.VantageSSH
	probe.Result
	// Err is why no probe could be made; then nothing is known from there.
	Err error
}

// ErrNoVantage is a service that cannot be asked from anywhere.
var ErrNoVantage = errors.New("the service cannot be asked from here")

// vantages are from where a service is asked.
func vantages(h *spec.Health, at Place) []string {
	if len(h.Vantage) > 0 {
		return h.Vantage
	}
	if !at.Public && at.DialSSH != nil {
		return []string{spec.VantageSSH}
	}
	return []string{spec.VantageLocal}
}

// views asks from all vantages side by side.
func (c *check) views(ctx context.Context, at Place) []View {
	if c.health.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.health.Timeout)
		defer cancel()
	}
	from := vantages(c.health, at)
	out := make([]View, len(from))
	if len(from) == 1 {
		out[0] = c.view(ctx, from[0], at)
		return out
	}
	var wg sync.WaitGroup
	for i, v := range from {
		wg.Go(func() { out[i] = c.view(ctx, v, at) })
	}
	wg.Wait()
	return out
}

func (c *check) view(ctx context.Context, vantage string, at Place) View {
	v := View{Vantage: vantage}
	host, dial := at.Host, at.Dial
	if vantage == spec.VantageSSH {
		if at.DialSSH == nil {
			v.Err = fmt.Errorf("%w: there is no SSH login at the instance", ErrNoVantage)
			return v
		}
		host, dial = loopback, throughSSH(at.DialSSH)
	}
	v.Result, v.Err = c.ask(ctx, host, at.Port, dial)
	if vantage == spec.VantageSSH && v.Err == nil {
		for i, m := range v.Metrics {
			labels := map[string]string{"vantage": vantage}
			maps.Copy(labels, m.Labels)
			v.Metrics[i] = metric.Metric{Name: m.Name, Labels: labels, Value: m.Value, ObservedAt: m.ObservedAt}
		}
	}
	return v
}

func (c *check) ask(ctx context.Context, host string, port int, dial probe.DialFunc) (probe.Result, error) {
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	switch {
	case c.health.HTTP != nil:
		o := c.http
		header, err := c.header()
		if err != nil {
			return probe.Result{}, err
		}
		o.Header, o.Dial = header, dial
		return httpprobe.Probe(ctx, c.url(host, port), o)
	case c.health.TCP != nil:
		o := c.tcp
		o.Dial = dial
		return tcpprobe.Probe(ctx, addr, o)
	default:
		o := c.grpc
		o.Dial = dial
		if c.tlsName != "" {
			o.Authority = c.tlsName
		}
		return grpcprobe.Probe(ctx, addr, o)
	}
}

// throughSSH makes a port that the instance cannot connect to a refusal of the
// service, and everything else that SSH cannot do a fault of the path.
func throughSSH(dial probe.DialFunc) probe.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		switch {
		case err == nil:
			return conn, nil
		case errors.Is(err, sshclient.ErrForward):
			return nil, fmt.Errorf("%w (%w)", syscall.ECONNREFUSED, err)
		case errors.Is(err, sshclient.ErrPortSilent):
			return nil, err
		}
		return nil, &probe.LocalError{Err: err}
	}
}
