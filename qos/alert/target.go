package alert

import (
	"cmp"
	"errors"
	"math"
	"strings"
	"time"

	"skysail/qos"
	"skysail/qos/health"
	"skysail/qos/metric"
	"skysail/qos/monitor"
	"skysail/qos/objective"
	"skysail/qos/sshclient"
)

// target is what is known of one instance.
type target struct {
	deployment, instance string
	sources              map[string]*source
	heard                time.Time

	bad     int // checks in a row
	down    objective.Condition
	why     string
	hostKey objective.Condition
	expiry  time.Time
}

type source struct {
	heard time.Time
	// since is when it was last read with success, or first without.
	since time.Time
	ok    bool
	err   string
}

// check is one health check as it counts.
type check struct {
	known, good bool
	// seconds is how long it took, and less than 0 where that is not told.
	seconds float64
}

// defaultFailures is failure_threshold where no health block says it, as for
// pods.
const defaultFailures = 3

// checkOf is what the samples of one reading say of the service: as its users
// see it, which is from here, and from the instance itself where it is not
// asked from here.
func checkOf(samples []qos.Sample) (check, health.State, time.Time) {
	c := check{seconds: -1}
	var state health.State
	var expiry time.Time
	local := false
	for i := range samples {
		s := &samples[i]
		here := s.Labels["vantage"] == ""
		switch s.Name {
		case metric.ProbeSuccess:
			if here || !local {
				c.known, c.good = true, s.Value != 0
			}
			local = local || here
		case metric.PodReady:
			c.known, c.good = true, s.Value != 0
		case metric.HealthState:
			if s.Value != 0 {
				state = health.State(s.Labels["state"])
			}
		case "probe_ssl_earliest_cert_expiry":
			if at := time.Unix(int64(math.Max(s.Value, 0)), 0); expiry.IsZero() || at.Before(expiry) {
				expiry = at
			}
		}
	}
	for i := range samples {
		if s := &samples[i]; s.Name == metric.ProbeDuration && (s.Labels["vantage"] == "") == local {
			c.seconds = s.Value
		}
	}
	return c, state, expiry
}

// observe takes in one reading of one source. What was read in maintenance says
// nothing of the service.
func (t *target) observe(r *qos.Report, samples []qos.Sample, maintenance bool, now time.Time) check {
	t.heard = now
	t.source(r, now)
	switch {
	case errors.Is(r.Err, sshclient.ErrHostKey) && !errors.Is(r.Err, sshclient.ErrPath):
		t.hostKey = objective.Yes
	case r.Source == qos.SourceSSH && r.Err == nil:
		t.hostKey = objective.No
	}
	if r.Err != nil {
		return check{}
	}
	c, state, expiry := checkOf(samples)
	if !expiry.IsZero() {
		t.expiry = expiry
	}
	if !c.known {
		return c
	}
	if maintenance {
		t.bad, t.down = 0, objective.Unknown
		return check{}
	}
	failures := defaultFailures
	if r.Health != nil {
		failures = cmp.Or(r.Health.FailureThreshold, defaultFailures)
	}
	switch {
	case c.good:
		t.bad = 0
		if state == health.Up || state == "" {
			t.down = objective.No
		}
	default:
		t.bad++
		t.why = cmp.Or(strings.Join(r.Notes, "; "), "its health check fails")
		if t.bad >= 2*failures {
			t.down = objective.Yes
		} else if t.down == objective.No {
			t.down = objective.Unknown
		}
	}
	return c
}

func (t *target) source(r *qos.Report, now time.Time) {
	s := t.sources[r.Source]
	if s == nil {
		s = &source{since: now}
		t.sources[r.Source] = s
	}
	s.heard = now
	switch {
	case r.Err == nil:
		s.ok, s.since = true, now
	case errors.Is(r.Err, monitor.ErrOwnNetwork):
		s.ok, s.since = true, now // it is not the source that is silent
	default:
		s.ok = false
		s.err, _, _ = strings.Cut(r.Err.Error(), "\n")
	}
}
