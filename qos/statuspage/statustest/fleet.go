// Package statustest has a fleet in every state, for tests of the status page.
// It is the same each time.
package statustest

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"skysail/policies"
	"skysail/qos"
	"skysail/qos/metric"
	"skysail/qos/monitor"
	"skysail/qos/objective"
	"skysail/qos/statuspage"
	"skysail/store"
)

// Hostile is text that must neither be taken for HTML nor break the layout.
const Hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>` + "\u202e\x1b[31m"

// instance is one of the fleet.
type instance struct {
	name    string
	state   statuspage.State
	sources []monitor.Source
	// at says whether checks passed so many minutes ago: 0 to 1, or NaN for
	// what was not read.
	at func(minutes int) float64
}

type deployment struct {
	statuspage.Deployment
	instances []instance
}

// Fleet returns what a monitor would know of some deployments at a moment:
// every state, a pod, one that is stuck, one that is young.
func Fleet(now time.Time) statuspage.Data { return data(fleet(now), now) }

// HostileFleet returns a fleet whose names and words try to break the page.
func HostileFleet(now time.Time) statuspage.Data {
	long := strings.Repeat("averylongwordwithoutanybreak", 20)
	all := []deployment{{
		Deployment: statuspage.Deployment{
			ID: "h", Name: Hostile, Provider: Hostile, Region: Hostile, Type: long, Phase: Hostile, Reason: Hostile + " " + long,
			CreatedAt:  now.Add(-time.Hour),
			Objectives: []statuspage.Objective{{Name: Hostile + long, Target: 0.999, Window: 720 * time.Hour, Count: objective.Count{Good: 1, Total: 1e9}}},
			Alerts: []store.Alert{
				alert(now, Hostile, Hostile, Hostile+long, time.Minute, nil),
				alert(now, long, policies.SeverityPage, long, time.Hour, nil),
			},
			Maintenance: []store.Maintenance{{Why: Hostile + long, BeginsAt: now.Add(-time.Hour), EndsAt: now.Add(time.Hour)}},
		},
		instances: []instance{
			{name: Hostile, state: statuspage.Down, at: always(0), sources: []monitor.Source{
				failing(now, Hostile, Hostile+long), read(now, "http", time.Second, Hostile, long),
			}},
			{name: long, state: statuspage.Up, at: always(1), sources: []monitor.Source{read(now, "ssh", time.Second)}},
		},
	}}
	return data(all, now)
}

// Empty returns a fleet of nothing.
func Empty(now time.Time) statuspage.Data { return data(nil, now) }

func fleet(now time.Time) []deployment {
	of := func(name, provider, region, kind string, instances ...instance) deployment {
		return deployment{Deployment: statuspage.Deployment{
			ID: "id-" + name, Name: name, Provider: provider, Region: region, Type: kind, Phase: "running", CreatedAt: now.Add(-40 * 24 * time.Hour),
		}, instances: instances}
	}
	well := func(name string, age time.Duration) instance {
		return instance{name: name, state: statuspage.Up, at: always(1), sources: []monitor.Source{read(now, "cloud", 41*time.Second), read(now, "http", age), read(now, "ssh", age+2*time.Second)}}
	}
	checkout := of("checkout", "aws", "eu-central-1", "m7i.large", well("checkout-0", 4*time.Second), well("checkout-1", 9*time.Second))
	checkout.instances[1].at = func(m int) float64 {
		if m > 310 && m < 345 {
			return 0.8
		}
		return 1
	}
	down := instance{name: "search-1", state: statuspage.Down, sources: []monitor.Source{
		read(now, "http", 3*time.Second, `the status is 503, wanted 200-299: the body begins with "no shard is assigned"`), read(now, "ssh", 7*time.Second),
	}, at: func(m int) float64 {
		switch {
		case m < 40:
			return 0
		case m < 60:
			return 0.4
		}
		return 1
	}}
	search := of("search", "gcp", "europe-west4", "n2-standard-8", well("search-0", 6*time.Second), down)
	cut := instance{name: "mailer-0", state: statuspage.Unknown, sources: []monitor.Source{
		failing(now, "http", "this machine's own network is cut: none of the anchors can be reached, so nothing is known of the service"),
		stale(now, "ssh", 12*time.Minute),
	}, at: func(m int) float64 {
		switch {
		case m < 11, m > 600 && m < 800:
			return math.NaN()
		case m > 800 && m < 830:
			return 0
		}
		return 1
	}}
	mailer := of("mailer", "digitalocean", "fra1", "s-2vcpu-4gb", cut)
	pod := instance{name: "reports-7d9c5b8f6-x2x4q", state: statuspage.Up, at: always(1), sources: []monitor.Source{read(now, "kubernetes", 5*time.Second)}}
	reports := of("reports", "kubernetes", "production", "", pod)
	reports.InstancesChange = true
	young := well("hello-0", 2*time.Second)
	young.at = func(m int) float64 {
		if m > 100 {
			return math.NaN()
		}
		return 1
	}
	hello := of("hello", "vultr", "fra", "vc2-1c-1gb", young)
	hello.Sandbox = true
	stuck := of("batch", "vultr", "ams", "vc2-2c-4gb")
	stuck.Phase, stuck.Reason = "stuck", "the instance 4f2a could not be removed: the provider answered 500 three times. It costs $0.03 an hour. `skysail recover batch` tries again"
	goal := func(name string, target float64, good, total int64) statuspage.Objective {
		return statuspage.Objective{Name: name, Target: target, Window: 30 * 24 * time.Hour, Count: objective.Count{Good: good, Total: total}}
	}
	checkout.Objectives = []statuspage.Objective{goal("availability", 0.999, 172772, 172800), goal("latency", 0.99, 171352, 172772)}
	checkout.Objectives[1].Threshold = 300 * time.Millisecond
	search.Objectives = []statuspage.Objective{goal("availability", 0.999, 171900, 172800)}
	burns := map[string]string{"objective": "availability"}
	search.Alerts = []store.Alert{
		alert(now, "SkysailErrorBudgetBurn", policies.SeverityPage, "availability burns its error budget at 320.0 times the allowed rate over 1h (more than 14.4 is an alert); 520 % of the budget of 30d at 99.9 % is used", 38*time.Minute, burns),
		alert(now, "SkysailInstanceDown", policies.SeverityPage, "instance search-1 is down: the status is 503", 39*time.Minute, nil),
		alert(now, "SkysailErrorBudgetBurn", policies.SeverityTicket, "availability burns its error budget at 3.2 times the allowed rate over 3d", 36*time.Minute, burns),
		alert(now, "SkysailCertificateExpiry", policies.SeverityTicket, "it is over", 50*time.Hour, nil),
	}
	search.Alerts[2].ToldAt = time.Time{}
	search.Alerts[3].State = "resolved"
	mailer.Objectives = []statuspage.Objective{goal("availability", 0.995, 86000, 86400)}
	mailer.Alerts = []store.Alert{alert(now, "SkysailSourceStale", policies.SeverityTicket, "source ssh of instance mailer-0 was not read", 2*time.Hour, nil)}
	mailer.Maintenance = []store.Maintenance{
		{Why: "move of the database", BeginsAt: now.Add(-time.Hour), EndsAt: now.Add(30 * time.Minute)},
		{Why: "updating in progress", BeginsAt: now.Add(-time.Minute), Automatic: true},
	}
	hello.Objectives = []statuspage.Objective{goal("availability", 0.999, 0, 0)}
	return []deployment{checkout, search, mailer, reports, hello, stuck}
}

func alert(now time.Time, name, severity, summary string, age time.Duration, labels map[string]string) store.Alert {
	at := now.Add(-age)
	return store.Alert{Key: name + severity, Name: name, Severity: severity, Labels: labels, State: "firing", Summary: summary, FiredAt: at, ToldAt: at}
}

func always(v float64) func(int) float64 { return func(int) float64 { return v } }

func read(now time.Time, source string, age time.Duration, notes ...string) monitor.Source {
	return monitor.Source{Report: qos.Report{Source: source, ObservedAt: now.Add(-age), Notes: notes}, ReadAt: now.Add(-age)}
}

func failing(now time.Time, source, why string) monitor.Source {
	return monitor.Source{Report: qos.Report{Source: source, Err: errors.New(why)}, ReadAt: now.Add(-11 * time.Minute)}
}

func stale(now time.Time, source string, age time.Duration) monitor.Source {
	s := read(now, source, age)
	s.Stale = true
	return s
}

func data(all []deployment, now time.Time) statuspage.Data {
	byID := map[string]deployment{}
	var rows []statuspage.Deployment
	var latest qos.Result
	var sources []monitor.Source
	for _, d := range all {
		for _, i := range d.instances {
			d.Instances = append(d.Instances, i.name)
			for _, s := range i.sources {
				s.Target = qos.Target{Deployment: d.Name, DeploymentID: d.ID, Instance: i.name, Provider: d.Provider}
				sources = append(sources, s)
			}
			if i.state != statuspage.Unknown {
				m := metric.With(metric.HealthState, 1, "state", string(i.state))
				latest.Samples = append(latest.Samples, qos.Sample{Deployment: d.Name, Instance: i.name, Name: m.Name, Labels: m.Labels, Value: m.Value})
			}
		}
		byID[d.ID] = d
		rows = append(rows, d.Deployment)
	}
	return statuspage.Data{
		Deployments: func(context.Context) ([]statuspage.Deployment, error) { return rows, nil },
		Latest:      func() qos.Result { return latest },
		Sources:     func() []monitor.Source { return sources },
		History: func(_ context.Context, q store.SampleQuery) (store.SampleRange, error) {
			return history(byID[q.Deployment], q, now), nil
		},
		Ready: func() error { return nil },
	}
}
