package qos

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"skysail/clouds"
	"skysail/qos/metric"
)

const (
	// defaultCloudTimeout is the deadline of one provider's answer.
	defaultCloudTimeout = 15 * time.Second
	// cloudRetry is how soon a provider that failed, or has just begun to
	// measure an instance, is asked again, if it may be asked that often.
	cloudRetry = time.Minute
	// cloudMemory bounds how long an instance is remembered that nobody asks
	// for any more.
	cloudMemory = 48 * time.Hour
)

// Measurer is a provider that measures instances itself.
type Measurer interface {
	// Metrics returns the newest readings of the instances, with as few calls
	// as the provider allows. What is not measured yet is left out; beside an
	// error the readings of those that could be read stand.
	Metrics(ctx context.Context, instances []clouds.Measured) ([]clouds.Reading, error)
	// MetricsCost is what one Metrics of these instances takes, and how often
	// asking again makes sense. It asks nobody.
	MetricsCost(instances []clouds.Measured) clouds.MetricsCost
}

// CloudTarget says how a provider measures an instance.
type CloudTarget struct {
	Measurer Measurer
	// ID is what the provider calls the instance.
	ID string
	// VCPU is how many vCPUs it has, 0 where that is not known.
	VCPU float64
}

// CloudPoller asks providers for their measurements: all instances of one
// provider in one call, and no instance more often than the provider's
// interval. Between two calls the last readings stand, with the times at which
// they were observed. The zero value is ready; it may be used side by side.
type CloudPoller struct {
	mu        sync.Mutex
	providers map[cloudProvider]*cloudAccount
}

// cloudProvider tells a simulated provider from the real one.
type cloudProvider struct {
	name    string
	sandbox bool
}

// cloudAccount is what one provider has said.
type cloudAccount struct {
	turn  chan struct{} // holds one token: who has it asks
	mu    sync.Mutex
	known map[string]cloudAnswer // by the instance's ID
}

// cloudAnswer is what a provider said of one instance.
type cloudAnswer struct {
	at       time.Time // when it was asked
	next     time.Time // when it may be asked again
	took     time.Duration
	readings []clouds.Reading
	err      error
}

func (p *CloudPoller) account(key cloudProvider) *cloudAccount {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.providers == nil {
		p.providers = map[cloudProvider]*cloudAccount{}
	}
	a := p.providers[key]
	if a == nil {
		a = &cloudAccount{turn: make(chan struct{}, 1), known: map[string]cloudAnswer{}}
		p.providers[key] = a
	}
	return a
}

// Needs says whether the poller knows nothing of a target yet, so that
// Remember could help.
func (p *CloudPoller) Needs(t Target) bool {
	if !cloudApplies(t) {
		return false
	}
	a := p.account(cloudProvider{t.Provider, t.Sandbox})
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := a.known[t.Cloud.ID]
	return !known
}

// Remember tells of samples that an earlier process took in, so that the
// provider is not asked again before its interval is over. It changes nothing
// for an instance that this poller has asked for itself.
func (p *CloudPoller) Remember(t Target, samples []Sample) {
	if !cloudApplies(t) {
		return
	}
	var was cloudAnswer
	for _, s := range samples {
		if s.Source != SourceCloud || s.Instance != t.Instance {
			continue
		}
		if s.Name == metric.SourceDuration {
			was.took = time.Duration(s.Value * float64(time.Second))
		}
		if s.Name == metric.SourceUp || s.Name == metric.SourceDuration {
			continue
		}
		was.at = s.CollectedAt
		was.readings = append(was.readings, clouds.Reading{Instance: t.Instance, Name: s.Name, Value: s.Value, At: s.ObservedAt})
	}
	if was.at.IsZero() {
		return
	}
	was.next = was.at.Add(t.Cloud.Measurer.MetricsCost(MeasuredOf([]Target{t})).Every)
	a := p.account(cloudProvider{t.Provider, t.Sandbox})
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.known[t.Cloud.ID]; !known {
		a.known[t.Cloud.ID] = was
	}
}

func cloudApplies(t Target) bool {
	return t.Cloud != nil && t.Cloud.Measurer != nil && t.Cloud.ID != ""
}

// begin asks every provider of the targets for what is due, side by side.
func (p *CloudPoller) begin(ctx context.Context, targets []Target, timeout time.Duration) *cloudRound {
	r := &cloudRound{poller: p, began: time.Now(), done: map[cloudProvider]chan struct{}{}}
	groups := map[cloudProvider][]Target{}
	for _, t := range targets {
		if cloudApplies(t) {
			key := cloudProvider{t.Provider, t.Sandbox}
			groups[key] = append(groups[key], t)
		}
	}
	for key, group := range groups {
		done := make(chan struct{})
		r.done[key] = done
		a := p.account(key)
		go func() {
			defer close(done)
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			a.ask(ctx, group)
		}()
	}
	return r
}

// ask makes the one call for what is due. Two collections side by side take
// turns, so that the second finds nothing due.
func (a *cloudAccount) ask(ctx context.Context, targets []Target) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return
	}
	start := time.Now()
	all := MeasuredOf(targets)
	var due []clouds.Measured
	a.mu.Lock()
	for _, i := range all {
		if was, known := a.known[i.ID]; !known || !start.Before(was.next) {
			due = append(due, i)
		}
	}
	a.mu.Unlock()
	if len(due) == 0 {
		return
	}
	m := targets[0].Cloud.Measurer
	every := m.MetricsCost(all).Every
	readings, err := m.Metrics(ctx, due)
	if ctx.Err() != nil {
		if err == nil {
			err = context.Cause(ctx)
		}
		err = fmt.Errorf("the provider did not answer in time: %w", err)
	}
	byName := map[string][]clouds.Reading{}
	for _, r := range readings {
		byName[r.Instance] = append(byName[r.Instance], r)
	}
	end := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range due {
		answer := cloudAnswer{at: end, took: end.Sub(start), readings: byName[d.Name], next: start.Add(every)}
		if len(answer.readings) == 0 {
			answer.err = err
		}
		// What a provider says of a young instance is not all that it will.
		if len(a.known[d.ID].readings) == 0 || len(answer.readings) == 0 {
			answer.next = start.Add(min(every, cloudRetry))
		}
		a.known[d.ID] = answer
	}
	for id, was := range a.known {
		if end.Sub(was.at) > cloudMemory {
			delete(a.known, id)
		}
	}
}

// MeasuredOf are the targets that a provider measures.
func MeasuredOf(targets []Target) []clouds.Measured {
	var out []clouds.Measured
	for _, t := range targets {
		if cloudApplies(t) {
			out = append(out, clouds.Measured{Name: t.Instance, ID: t.Cloud.ID, Region: t.Region, VCPU: t.Cloud.VCPU})
		}
	}
	return out
}

// cloudRound is the source of one collection.
type cloudRound struct {
	poller *CloudPoller
	began  time.Time
	done   map[cloudProvider]chan struct{}
}

// Name implements Source.
func (r *cloudRound) Name() string { return SourceCloud }

// Applies implements Source.
func (r *cloudRound) Applies(t Target) bool { return cloudApplies(t) }

// Read implements Source: it waits for the provider's answer of this round and
// tells what it said of the target.
func (r *cloudRound) Read(ctx context.Context, t Target) (Reading, error) {
	key := cloudProvider{t.Provider, t.Sandbox}
	select {
	case <-r.done[key]:
	case <-ctx.Done():
		return Reading{}, fmt.Errorf("the provider did not answer in time: %w", context.Cause(ctx))
	}
	a := r.poller.account(key)
	a.mu.Lock()
	was, known := a.known[t.Cloud.ID]
	a.mu.Unlock()
	if !known { // the round was cut off before its turn
		return Reading{}, fmt.Errorf("the provider was not asked: %w", context.DeadlineExceeded)
	}
	out := Reading{Kept: was.at.Before(r.began), CollectedAt: was.at, Took: was.took}
	if was.err != nil {
		return out, was.err
	}
	for _, m := range slices.SortedFunc(slices.Values(was.readings), func(x, y clouds.Reading) int { return x.At.Compare(y.At) }) {
		out.Metrics = append(out.Metrics, metric.Metric{Name: m.Name, Value: m.Value, ObservedAt: m.At})
		out.ObservedAt = m.At
	}
	if len(out.Metrics) == 0 {
		out.Nothing, out.Notes = true, []string{"the provider has not measured this instance yet"}
	}
	return out, nil
}
