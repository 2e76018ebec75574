package monitor

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"skysail/policies"
	"skysail/qos"
	"skysail/qos/metric"
)

// DialFunc connects as net.Dialer's DialContext does.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// ErrOwnNetwork is why nothing is known of a service that did not answer while
// this machine reached nothing at all.
var ErrOwnNetwork = errors.New("this machine's own network is cut: none of the anchors can be reached, so nothing is known of the service")

const (
	// lookedAt is how long an answer about the network stands.
	lookedAt      = 5 * time.Second
	anchorTimeout = 3 * time.Second
)

// Network tells a service that is down from a network of our own that is. It
// looks only when a service does not answer. Anchors that never answered, such
// as those behind a firewall that lets only known addresses out, prove nothing.
type Network struct {
	anchors []string
	dial    DialFunc

	turn  sync.Mutex // one look at a time
	mu    sync.Mutex
	at    time.Time
	up    bool
	works bool // an anchor answered once
}

func newNetwork(anchors []string, dial DialFunc) *Network {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &Network{anchors: slices.Clone(anchors), dial: dial, up: true}
}

// Up returns whether the network was there when it was last looked at, and
// whether that is known.
func (n *Network) Up() (up, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.up, n.works
}

// Look looks unless it did moments ago, and returns what Up does.
func (n *Network) Look(ctx context.Context) (up, known bool) {
	n.Cut(ctx)
	return n.Up()
}

// Cut reports whether the network is known to be down. It looks, when it did not
// just now.
func (n *Network) Cut(ctx context.Context) bool {
	if len(n.anchors) == 0 {
		return false
	}
	n.turn.Lock()
	defer n.turn.Unlock()
	n.mu.Lock()
	fresh := time.Since(n.at) < lookedAt
	n.mu.Unlock()
	if !fresh {
		n.look(ctx)
	}
	up, known := n.Up()
	return known && !up
}

// look connects to all anchors; the first that answers is enough.
func (n *Network) look(ctx context.Context) {
	if len(n.anchors) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), anchorTimeout)
	defer cancel()
	answers := make(chan bool, len(n.anchors))
	for _, a := range n.anchors {
		go func() {
			c, err := n.dial(ctx, "tcp", a)
			if err == nil {
				_ = c.Close()
			}
			answers <- err == nil
		}()
	}
	up := false
	for range n.anchors {
		if <-answers {
			up = true
			cancel()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at, n.up, n.works = time.Now(), up, n.works || up
}

// judge makes "unknown" of "down" where our own network is cut.
func (n *Network) judge(ctx context.Context, res qos.Result) qos.Result {
	if !slices.ContainsFunc(res.Samples, isDown) {
		return res
	}
	type key struct{ instance, source string }
	down := map[key]bool{}
	for _, s := range res.Samples {
		if isDown(s) {
			down[key{s.Instance, s.Source}] = true
		}
	}
	blind := map[key]bool{}
	for i, r := range res.Reports {
		k := key{r.Instance, r.Source}
		if !down[k] || r.Sandbox || r.Provider == policies.Local || r.Kube != nil || !n.Cut(ctx) {
			continue
		}
		blind[k] = true
		res.Reports[i].Err, res.Reports[i].Notes = ErrOwnNetwork, nil
	}
	if len(blind) == 0 {
		return res
	}
	kept := make([]qos.Sample, 0, len(res.Samples))
	for _, s := range res.Samples {
		if blind[key{s.Instance, s.Source}] {
			switch s.Name {
			case metric.SourceUp:
				s.Value = 0
			case metric.SourceDuration:
			default:
				continue
			}
		}
		kept = append(kept, s)
	}
	res.Samples = kept
	return res
}

func isDown(s qos.Sample) bool {
	return s.Name == metric.ProbeSuccess && s.Value == 0 && s.Labels["vantage"] == ""
}
