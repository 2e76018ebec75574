package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestShortages(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	capacity := Shortage{Provider: "vultr", Region: "ewr", Type: "vc2-1c-1gb", Kind: "capacity", Sandbox: true}
	quota := Shortage{Provider: "vultr", Region: "ewr", Type: "vc2-4c-8gb", Kind: "quota", Sandbox: true}
	other := Shortage{Provider: "aws", Region: "us-east-1", Type: "m7i.large", Spot: true, Kind: "capacity", Sandbox: true}
	onReal := capacity
	onReal.Sandbox = false
	for _, sh := range []Shortage{capacity, quota, other, onReal} {
		must(t, s.AddShortage(ctx, sh))
	}
	get := func(sandbox bool, since time.Time) []Shortage {
		t.Helper()
		got, err := s.Shortages(ctx, sandbox, since)
		must(t, err)
		return got
	}
	at := func(sh Shortage, seconds int) Shortage {
		sh.At = epoch.Add(time.Duration(seconds) * time.Second)
		return sh
	}
	if diff := cmp.Diff([]Shortage{at(capacity, 1), at(quota, 2), at(other, 3)}, get(true, epoch)); diff != "" {
		t.Errorf("the sandbox's (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Shortage{at(onReal, 4)}, get(false, epoch)); diff != "" {
		t.Errorf("the real clouds' (-want +got):\n%s", diff)
	}
	if got := get(true, epoch.Add(3*time.Second)); len(got) != 1 {
		t.Errorf("since the third second: %+v", got)
	}
	// An instance that came to be says that there is room and quota again,
	// but nothing of spot capacity.
	must(t, s.EndShortages(ctx, Shortage{Provider: "aws", Region: "us-east-1", Type: "m7i.large", Sandbox: true}))
	must(t, s.EndShortages(ctx, capacity))
	if diff := cmp.Diff([]Shortage{at(other, 3)}, get(true, epoch)); diff != "" {
		t.Errorf("after a success (-want +got):\n%s", diff)
	}
	must(t, s.ForgetShortages(ctx, true))
	if sim, paid := get(true, epoch), get(false, epoch); len(sim) != 0 || len(paid) != 1 {
		t.Errorf("after forgetting the sandbox's: %+v and %+v", sim, paid)
	}
	s.now = func() time.Time { return epoch.Add(shortagesKept + time.Hour) }
	must(t, s.AddShortage(ctx, quota))
	if got := get(false, epoch); len(got) != 0 {
		t.Errorf("those of long ago are kept: %+v", got)
	}
}
