// Package statuspage serves what a monitor knows as HTML: the state of every
// deployment, why, its objectives and alerts, and the last 24 hours of each
// instance as inline SVG. The pages are complete without scripts and load nothing from elsewhere. What was
// not read is unknown and never shown as down.
//
// Values that come from deployments go through html/template alone. Of a
// deployment only what is in Deployment gets here: no environment, no keys.
package statuspage

import (
	"context"
	"sync"
	"time"

	"skysail/qos"
	"skysail/qos/monitor"
	"skysail/store"
)

// Deployment is what the store knows of a deployment.
type Deployment struct {
	ID, Name, Provider, Region, Type, Phase, Reason string

	Sandbox   bool
	CreatedAt time.Time
	// Instances are their names; those that were read are added to them.
	Instances []string
	// InstancesChange says that the names are those of a moment: once something
	// was read, only what was read counts.
	InstancesChange bool

	Objectives []Objective
	// Alerts are those of its name, the ones that fire first and the more urgent
	// before others; only those are shown. Maintenance is what goes on now.
	Alerts      []store.Alert
	Maintenance []store.Maintenance
}

// Data is what pages are made of. The functions are called from one goroutine
// at a time; with an error the page says that it may be out of date.
type Data struct {
	// Deployments are the live ones, one of a name.
	Deployments func(ctx context.Context) ([]Deployment, error)
	// Latest and Sources are what was read last.
	Latest  func() qos.Result
	Sources func() []monitor.Source
	// History asks the store; nobody else is asked.
	History func(ctx context.Context, q store.SampleQuery) (store.SampleRange, error)
	// Ready returns why what is read is not kept, or nil. It may be nil.
	Ready func() error
}

const (
	// keptFor is how long a page that was made is given to whoever asks, so
	// that many readers cost the store no more than one.
	keptFor = 3 * time.Second
	// pastFor is how long the history of a deployment is kept: its steps are
	// minutes, and it is the greater part of the work.
	pastFor = 30 * time.Second
	// makeTime bounds the making of one page.
	makeTime = 20 * time.Second
	// maxKept bounds the pages in memory.
	maxKept = 200
)

// Site makes pages and serves them.
type Site struct {
	data Data
	now  func() time.Time

	mu   sync.Mutex // one page is made at a time
	kept map[string]made
	past map[pastKey]pastKept
}

type pastKey struct {
	deployment string
	lines      bool
}

type pastKept struct {
	instances map[string]*past
	window    window
	at        time.Time
}

// made is a page that was made.
type made struct {
	body, zipped []byte
	at           time.Time
	found        bool
}

// New makes a Site of data.
func New(data Data) *Site {
	return &Site{data: data, now: time.Now, kept: map[string]made{}, past: map[pastKey]pastKept{}}
}

// page returns the page of a deployment, or of all when name is empty.
func (s *Site) page(ctx context.Context, name string) (made, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if p, ok := s.kept[name]; ok && now.Sub(p.at) < keptFor {
		return p, nil
	}
	// Others may wait for the same page when whoever asked first has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeTime)
	defer cancel()
	p, err := s.render(ctx, name, now)
	if err != nil {
		return made{}, err
	}
	p.at = now
	for k, old := range s.past {
		if now.Sub(old.at) >= pastFor {
			delete(s.past, k)
		}
	}
	for k, old := range s.kept {
		if now.Sub(old.at) >= keptFor || len(s.kept) >= maxKept {
			delete(s.kept, k)
		}
	}
	if p.found {
		s.kept[name] = p
	}
	return p, nil
}
