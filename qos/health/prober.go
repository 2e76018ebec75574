package health

import (
	"context"
	"crypto/x509"
	"reflect"
	"sync"
	"time"

	"skysail/qos/metric"
	"skysail/spec"
)

// forgetAfter is how long a target that is not asked any longer is kept.
const forgetAfter = 24 * time.Hour

// Prober asks services and remembers each one's state. It may be used side by
// side.
type Prober struct {
	mu      sync.Mutex
	targets map[string]*target
	swept   time.Time
}

type target struct {
	health *spec.Health
	once   sync.Once
	check  *check
	err    error
	record Record
	asked  time.Time
}

// NewProber makes a Prober.
func NewProber() *Prober { return &Prober{targets: map[string]*target{}} }

// Report is one look at a service.
type Report struct {
	// State has the thresholds in it, Seen is what this look showed, and Why
	// says in words what was wrong.
	State, Seen State
	Why         string
	Views       []View
	// Metrics are those of blackbox_exporter for each vantage from which a
	// probe could be made, what was seen through SSH with the label vantage.
	Metrics []metric.Metric
}

// Ask looks at the service of one instance until ctx ends. The key names the
// instance, and a health block that changed begins anew. The error says that
// the block cannot be used.
func (p *Prober) Ask(ctx context.Context, key string, h *spec.Health, at Place) (Report, error) {
	t := p.target(key, h)
	check, err := t.ready(at.RootCAs)
	if err != nil {
		return Report{}, err
	}
	r := Report{Views: check.views(ctx, at)}
	r.Seen, r.Why = Judge(r.Views)
	p.mu.Lock()
	t.record = t.record.Next(h, r.Seen)
	r.State = t.record.State
	p.mu.Unlock()
	for _, v := range r.Views {
		if v.Err == nil {
			r.Metrics = append(r.Metrics, v.Metrics...)
		}
	}
	return r, nil
}

// Known returns what is kept of an instance.
func (p *Prober) Known(key string) (Record, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.targets[key]
	if !ok {
		return Record{}, false
	}
	return t.record, true
}

// Restore gives back what was kept of an instance before, such as by an
// earlier process; what was seen since stands.
func (p *Prober) Restore(key string, h *spec.Health, r Record) {
	t := p.target(key, h)
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.record == (Record{}) {
		t.record = r
	}
}

// Forget drops what is kept of an instance.
func (p *Prober) Forget(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.targets, key)
}

func (p *Prober) target(key string, h *spec.Health) *target {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.swept) > time.Hour {
		p.swept = now
		for k, t := range p.targets {
			if now.Sub(t.asked) > forgetAfter {
				delete(p.targets, k)
			}
		}
	}
	t := p.targets[key]
	if t == nil || t.health != h && !reflect.DeepEqual(t.health, h) {
		t = &target{health: h}
		p.targets[key] = t
	}
	t.asked = now
	return t
}

// ready makes the check when it is first needed.
func (t *target) ready(roots *x509.CertPool) (*check, error) {
	t.once.Do(func() { t.check, t.err = newCheck(t.health, roots) })
	return t.check, t.err
}
