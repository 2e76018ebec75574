package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/policies"
)

func TestSkipsAndWhatAnAttemptMet(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	must(t, s.Create(ctx, Deployment{ID: "d1", Name: "one", Policy: policies.Default()}))
	must(t, s.StartAttempt(ctx, "d1", Attempt{N: 1, Provider: "gcp", Region: "use1", Zone: "use1-b", Type: "big"}))
	must(t, s.UpdateAttempt(ctx, "d1", Attempt{
		N: 1, Phase: AttemptCleaning, Class: "quota", Scope: "region", Cause: "Quota exceeded", Source: "page", Said: []string{"Quota exceeded", "more"}, SpentUSD: 0.25,
	}))
	must(t, s.SetNext(ctx, "d1", 1, "next-region"))
	want := []Skip{
		{Provider: "aws", Region: "r", Zone: "r-a", Type: "t", Spot: true, Class: "quota", Scope: "zone", Candidates: 1, Reason: "no room"},
		{Attempt: 1, Provider: "gcp", Candidates: 12, Reason: "the quota fault reaches the whole region"},
	}
	for _, k := range want {
		must(t, s.AddSkip(ctx, "d1", k))
	}
	got, err := s.Skips(ctx, "d1")
	must(t, err)
	for i := range got {
		if got[i].At.IsZero() {
			t.Error("a skip without its time")
		}
		got[i].At = time.Time{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	as, err := s.Attempts(ctx, "d1")
	must(t, err)
	a := as[0]
	if a.Scope != "region" || a.Source != "page" || len(a.Said) != 2 || a.Next != "next-region" || a.SpentUSD != 0.25 || a.Zone != "use1-b" {
		t.Errorf("attempt %+v", a)
	}
	if err := s.SetNext(ctx, "d1", 2, "x"); err == nil {
		t.Error("what followed an attempt that there is not was recorded")
	}
}
