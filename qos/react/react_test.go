package react

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"skysail/policies"
	"skysail/qos"
	"skysail/qos/metric"
	"skysail/qos/sshclient"
)

// clock is a Gate whose time goes on when a test says so.
type clock struct {
	*Gate
	at time.Time
}

func newClock() *clock {
	c := &clock{Gate: NewGate(15 * time.Second), at: time.Unix(1_800_000_000, 0)}
	c.now = func() time.Time { return c.at }
	return c
}

// seen is what a monitor reads of an instance each interval.
type seen struct {
	health  float64 // -1: the check could not be made
	login   error
	service float64
}

var (
	wellSeen = seen{health: 1, service: 1}
	deadSeen = seen{health: 0, login: fmt.Errorf("dial: %w", sshclient.ErrTimeout)}
)

// read lets the monitor read an instance so often, 15 seconds apart.
func (c *clock) read(id string, s seen, times int) {
	for range times {
		c.at = c.at.Add(15 * time.Second)
		c.once(id, s)
	}
}

func (c *clock) once(id string, s seen) {
	target := qos.Target{Deployment: id, DeploymentID: id, Instance: id + "-0"}
	sample := func(source, name string, v float64) qos.Sample {
		return qos.Sample{Deployment: id, Instance: id + "-0", Source: source, Name: name, Value: v}
	}
	res := qos.Result{Reports: []qos.Report{{Target: target, Source: qos.SourceHTTP}, {Target: target, Source: qos.SourceSSH, Err: s.login}}}
	if s.health < 0 {
		res.Reports[0].Err = errors.New("unknown")
	} else {
		res.Samples = append(res.Samples, sample(qos.SourceHTTP, metric.ProbeSuccess, s.health))
	}
	if s.login == nil {
		res.Samples = append(res.Samples, sample(qos.SourceSSH, metric.ServiceUp, s.service))
	}
	c.Take([]qos.Result{res})
}

var (
	policy  = policies.Reaction{OnUnhealthy: policies.FailoverAway, After: 2 * time.Minute, Cooldown: time.Hour, MaxPerDay: 2, MaxUSDPerDay: 1, MinHealthy: 0.5}
	network = Fleet{NetworkUp: true, NetworkKnown: true}
)

func TestEvidence(t *testing.T) {
	for name, tc := range map[string]struct {
		steps []func(c *clock)
		react bool
	}{
		"well":                  {[]func(*clock){reads(wellSeen, 20)}, false},
		"dead":                  {[]func(*clock){reads(wellSeen, 3), reads(deadSeen, 9)}, true},
		"not for long enough":   {[]func(*clock){reads(deadSeen, 8)}, false},
		"came back in between":  {[]func(*clock){reads(deadSeen, 8), reads(wellSeen, 1), reads(deadSeen, 8)}, false},
		"health alone":          {[]func(*clock){reads(seen{health: 0, service: 1}, 20)}, false},
		"login alone":           {[]func(*clock){reads(seen{health: 1, login: sshclient.ErrTimeout}, 20)}, false},
		"service not active":    {[]func(*clock){reads(seen{health: 0, service: 0}, 9)}, true},
		"host key changed":      {[]func(*clock){reads(seen{health: 0, login: sshclient.ErrHostKey}, 20)}, false},
		"the way is blocked":    {[]func(*clock){reads(seen{health: 0, login: errors.Join(sshclient.ErrPath, sshclient.ErrTimeout)}, 20)}, false},
		"health unknown":        {[]func(*clock){reads(seen{health: -1, login: sshclient.ErrTimeout}, 20)}, false},
		"unknown in between":    {[]func(*clock){reads(deadSeen, 8), reads(seen{health: -1, login: sshclient.ErrTimeout}, 1), reads(deadSeen, 8)}, false},
		"no readings any more":  {[]func(*clock){reads(deadSeen, 20), func(c *clock) { c.at = c.at.Add(time.Hour) }}, false},
		"read too seldom":       {[]func(*clock){reads(deadSeen, 1), func(c *clock) { c.at = c.at.Add(3 * time.Minute) }, reads(deadSeen, 1)}, false},
		"first one, then other": {[]func(*clock){reads(seen{health: 0, service: 1}, 9), reads(seen{health: 1, login: sshclient.ErrTimeout}, 9)}, false},
	} {
		c := newClock()
		c.read("other", wellSeen, 1)
		for _, s := range tc.steps {
			s(c)
		}
		c.once("other", wellSeen)
		if v := c.Judge(Case{ID: "a", Policy: policy}, network); v.React() != tc.react {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func reads(s seen, times int) func(*clock) { return func(c *clock) { c.read("a", s, times) } }

func TestHeld(t *testing.T) {
	for name, tc := range map[string]struct {
		others map[string]seen
		fleet  Fleet
		past   []Past
		alone  bool
		held   string
	}{
		"nothing speaks against it": {others: map[string]seen{"b": wellSeen}, fleet: network, alone: true},
		"own network":               {others: map[string]seen{"b": wellSeen}, fleet: Fleet{NetworkKnown: true}, held: "own network is cut"},
		"the whole fleet":           {others: map[string]seen{"b": deadSeen, "c": deadSeen, "d": wellSeen}, fleet: network, held: "only 1 of the 4"},
		"half the fleet":            {others: map[string]seen{"b": deadSeen, "c": wellSeen, "d": wellSeen}, fleet: network},
		"nothing to compare with":   {alone: true, held: "nothing shows that this machine's own network works"},
		"another is well":           {others: map[string]seen{"b": wellSeen}, alone: true},
		"no network between":        {},
		"cooldown":                  {fleet: network, past: []Past{{At: ago(50 * time.Minute)}}, held: "cooldown"},
		"after the cooldown":        {fleet: network, past: []Past{{At: ago(61 * time.Minute)}}},
		"often enough":              {fleet: network, past: []Past{{At: ago(20 * time.Hour)}, {At: ago(2 * time.Hour)}}, held: "max_per_day"},
		"yesterday":                 {fleet: network, past: []Past{{At: ago(25 * time.Hour)}, {At: ago(24 * time.Hour)}, {At: ago(2 * time.Hour)}}},
		"dear enough":               {fleet: network, past: []Past{{At: ago(20 * time.Hour), USD: 1.5}}, held: "max_usd_per_day"},
	} {
		c := newClock()
		c.at = c.at.Add(-5 * time.Minute)
		for range 20 {
			c.at = c.at.Add(15 * time.Second)
			c.once("a", deadSeen)
			for id, s := range tc.others {
				c.once(id, s)
			}
		}
		v := c.Judge(Case{ID: "a", Policy: policy, Past: tc.past, Alone: tc.alone}, tc.fleet)
		if len(v.Evidence) != 1 || (tc.held == "") != v.React() || !strings.Contains(v.Held, tc.held) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// ago is before the time at which TestHeld asks.
func ago(d time.Duration) time.Time { return time.Unix(1_800_000_000, 0).Add(-d) }

func TestForget(t *testing.T) {
	c := newClock()
	c.read("a", deadSeen, 20)
	c.read("b", deadSeen, 20)
	c.Forget(map[string]bool{"b": true})
	if v := c.Judge(Case{ID: "a", Policy: policy}, network); len(v.Evidence) > 0 {
		t.Errorf("forgotten: %+v", v)
	}
	if v := c.Judge(Case{ID: "b", Policy: policy}, network); len(v.Evidence) != 1 || !strings.Contains(v.Why(), "b-0: health since ") || !strings.Contains(v.Why(), "login since ") {
		t.Errorf("kept: %s", v.Why())
	}
}

// A bound says when it allows a reaction again.
func TestUntil(t *testing.T) {
	c := newClock()
	now := c.at
	ago := func(hours int, usd float64) Past {
		return Past{At: now.Add(-time.Duration(hours) * time.Hour), USD: usd}
	}
	for name, tc := range map[string]struct {
		past  []Past
		limit string
		until int // hours from now
	}{
		"count":               {[]Past{ago(2, 0), ago(20, 0)}, "max_per_day", 4},
		"one more than bound": {[]Past{ago(2, 0), ago(20, 0), ago(10, 0)}, "max_per_day", 14},
		"dollars":             {[]Past{ago(5, 2)}, "max_usd_per_day", 19},
		"dollars stay":        {[]Past{ago(20, 0.5), ago(5, 2)}, "max_per_day", 19},
		"room":                {[]Past{ago(20, 0.5)}, "", 0},
	} {
		var v Verdict
		v.bound(Case{Policy: policy, Past: tc.past}, now)
		until := time.Time{}
		if tc.limit != "" {
			until = now.Add(time.Duration(tc.until) * time.Hour)
		}
		if v.Limit != tc.limit || !v.Until.Equal(until) || (v.Held == "") != (tc.limit == "") || v.Last.IsZero() {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
