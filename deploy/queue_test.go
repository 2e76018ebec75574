package deploy

import (
	"strings"
	"testing"

	"skysail/catalog"
	"skysail/clouds/faults"
	"skysail/policies"
	"skysail/selector"
)

func candidates(names ...string) []selector.Candidate {
	out := make([]selector.Candidate, 0, len(names))
	for _, n := range names {
		p, r, _ := strings.Cut(n, "/")
		r, kind, _ := strings.Cut(r, "/")
		out = append(out, selector.Candidate{Offer: &catalog.Offer{Provider: p, Region: r}, Spot: kind == "spot"})
	}
	return out
}

// name is a slot as candidates takes it, with its zone.
func name(s slot) string {
	out := s.Offer.Provider + "/" + s.Offer.Region
	if s.zone != "" {
		out += "-" + s.zone
	}
	if s.Spot {
		out += "/spot"
	}
	return out
}

func verdict(c faults.Class) faults.Verdict { return faults.Verdict{Class: c, Scope: c.Scope()} }

func TestQueue(t *testing.T) {
	all := candidates("vultr/ewr", "vultr/ord", "vultr/ewr", "vultr/dfw", "do/nyc1", "do/fra1", "aws/use1")
	cases := []struct {
		name        string
		max         int
		regions     bool
		class       faults.Class // of every attempt
		want        string
		wantAtClass faults.Step // after the first
	}{
		{"capacity goes through regions, the last attempts are kept for others", 4, true, faults.Capacity, "vultr/ewr vultr/ord do/nyc1 aws/use1", faults.NextRegion},
		{"capacity without regions_first leaves the provider", 9, false, faults.Capacity, "vultr/ewr do/nyc1 aws/use1", faults.NextProvider},
		{"a full region is not tried again", 9, true, faults.Capacity, "vultr/ewr vultr/ord vultr/dfw do/nyc1 do/fra1 aws/use1", faults.NextRegion},
		{"a wrong token is not walked through regions", 9, true, faults.Auth, "vultr/ewr do/nyc1 aws/use1", faults.NextProvider},
		{"transient tries the same again, then goes on", 5, true, faults.Transient, "vultr/ewr vultr/ewr vultr/ewr do/nyc1 aws/use1", faults.SameAgain},
		{"unknown leaves the provider", 9, true, faults.Unknown, "vultr/ewr do/nyc1 aws/use1", faults.NextProvider},
		{"one attempt is one attempt", 1, true, faults.Capacity, "vultr/ewr", faults.NextRegion},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := newQueue(all, policies.Failover{MaxAttempts: c.max, RegionsFirst: c.regions})
			var got []string
			for n := 0; ; n++ {
				next, ok := q.next()
				if !ok {
					break
				}
				got = append(got, name(next))
				step, _ := q.failed(verdict(c.class))
				if n == 0 && step != c.wantAtClass {
					t.Errorf("first step %s, want %s", step, c.wantAtClass)
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("tried %s\nwant  %s", s, c.want)
			}
		})
	}
}

// By price over all providers, and with spot before on demand.
func TestQueueAcrossProviders(t *testing.T) {
	byPrice := candidates("vultr/ewr", "do/nyc1", "vultr/ord", "aws/use1", "do/fra1", "vultr/dfw")
	spot := candidates("aws/a/spot", "aws/b/spot", "aws/c/spot", "aws/a", "aws/b", "gcp/x")
	cases := []struct {
		name    string
		all     []selector.Candidate
		max     int
		regions bool
		want    string
	}{
		{"the other regions of the first come first", byPrice, 9, true, "vultr/ewr vultr/ord vultr/dfw do/nyc1 do/fra1 aws/use1"},
		{"but not with the last attempts", byPrice, 4, true, "vultr/ewr vultr/ord do/nyc1 aws/use1"},
		{"without regions_first one each", byPrice, 9, false, "vultr/ewr do/nyc1 aws/use1"},
		{"spot has no room: on demand in the same region has", spot, 9, true, "aws/a/spot aws/b/spot aws/c/spot aws/a aws/b gcp/x"},
		{"one attempt is kept for on demand, one for the other provider", spot, 4, true, "aws/a/spot aws/b/spot aws/a gcp/x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := newQueue(c.all, policies.Failover{MaxAttempts: c.max, RegionsFirst: c.regions})
			var got []string
			for next, ok := q.next(); ok; next, ok = q.next() {
				got = append(got, name(next))
				q.failed(verdict(faults.Capacity))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("tried %s\nwant  %s", s, c.want)
			}
		})
	}
}

func TestSecretsEnv(t *testing.T) {
	got := string(secretsEnv(map[string]string{"B": `a"b\c$d` + "`e`", "A": "plain value"}))
	want := "A=\"plain value\"\nB=\"a\\\"b\\\\c\\$d\\`e\\`\"\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
