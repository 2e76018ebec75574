package deploy

import (
	"strings"
	"testing"
	"time"

	"skysail/clouds"
	"skysail/store"
)

func TestJudgeOrphans(t *testing.T) {
	const id = "d4k2m9x7qpb1"
	began := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ended := began.Add(10 * time.Minute)
	attempt := func(provider, region string, phase store.AttemptPhase) store.Attempt {
		a := store.Attempt{Provider: provider, Region: region, Phase: phase, StartedAt: began}
		if phase != store.AttemptApplying {
			a.EndedAt = ended
		}
		return a
	}
	thing := func(provider, region string, made time.Time) clouds.Resource {
		return clouds.Resource{Provider: provider, Kind: "instance", ID: "i", Region: region, Deployment: id, CreatedAt: made}
	}
	for name, c := range map[string]struct {
		thing    clouds.Resource
		phase    store.Phase
		attempts []store.Attempt
		sandbox  bool
		orphan   bool
		foreign  string // "" is ours
	}{
		"of a running one":                    {thing: thing("vultr", "ewr", began), phase: store.Running, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptSucceeded)}},
		"without a region":                    {thing: thing("vultr", "", began), phase: store.Running, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptSucceeded)}},
		"of one in the making":                {thing: thing("vultr", "ewr", began), phase: store.Applying, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptApplying)}},
		"of a stuck one, adopted":             {thing: thing("vultr", "ewr", began), phase: store.Stuck, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned)}},
		"of a stuck one":                      {thing: thing("vultr", "ewr", began), phase: store.Stuck, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptStuck)}},
		"of an attempt that was cleaned":      {thing: thing("vultr", "ewr", began), phase: store.Running, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned), attempt("aws", "us-east-1", store.AttemptSucceeded)}, orphan: true},
		"in a region that was cleaned":        {thing: thing("vultr", "ewr", began), phase: store.Running, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned), attempt("vultr", "ord", store.AttemptSucceeded)}, orphan: true},
		"of one that has ended":               {thing: thing("vultr", "ewr", began), phase: store.Destroyed, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned)}, orphan: true},
		"of one that failed, age unknown":     {thing: thing("vultr", "ewr", time.Time{}), phase: store.FailedAll, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned)}, orphan: true},
		"where it never was":                  {thing: thing("aws", "us-east-1", began), phase: store.Destroyed, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned)}, orphan: true, foreign: "no attempt"},
		"made long after its end":             {thing: thing("vultr", "ewr", ended.Add(2*time.Hour)), phase: store.Destroyed, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned)}, orphan: true, foreign: "a copy"},
		"older than it":                       {thing: thing("vultr", "ewr", began.Add(-2*time.Hour)), phase: store.Destroyed, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned)}, orphan: true, foreign: "older"},
		"made a little after, by slow clocks": {thing: thing("vultr", "ewr", ended.Add(30*time.Minute)), phase: store.Destroyed, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptCleaned)}, orphan: true},
		"real, of a simulated deployment":     {thing: thing("vultr", "ewr", began), phase: store.Running, attempts: []store.Attempt{attempt("vultr", "ewr", store.AttemptSucceeded)}, sandbox: true, orphan: true, foreign: "a tag alone"},
	} {
		t.Run(name, func(t *testing.T) {
			j := journal{id: {store.Deployment{ID: id, Name: "hello", Phase: c.phase, Sandbox: c.sandbox}, c.attempts}}
			o, orphan := j.judge(c.thing, false)
			if orphan != c.orphan || orphan && o.Why == "" {
				t.Errorf("%+v, %v", o, orphan)
			}
			if (o.Foreign != "") != (c.foreign != "") || !strings.Contains(o.Foreign, c.foreign) {
				t.Errorf("foreign: %q", o.Foreign)
			}
		})
	}
	o, orphan := journal{}.judge(thing("vultr", "ewr", began), false)
	if !orphan || !strings.Contains(o.Foreign, "a tag alone proves nothing") {
		t.Errorf("of an unknown ID: %+v, %v", o, orphan)
	}
}
