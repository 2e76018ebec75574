package deploy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"skysail/catalog"
	"skysail/clouds/faults"
	"skysail/policies"
	"skysail/selector"
)

// offer is provider/region/type with zones.
func offer(id string, zones ...string) selector.Candidate {
	parts := strings.Split(id, "/")
	return selector.Candidate{Offer: &catalog.Offer{Provider: parts[0], Region: parts[1], Type: parts[2], Zones: zones}}
}

// The faults of successive attempts and where the queue goes.
func TestQueueScopes(t *testing.T) {
	all := []selector.Candidate{
		offer("gcp/use1/small", "b", "c"), offer("gcp/use1/big", "b", "c"), offer("gcp/euw1/small", "b"),
		offer("vultr/ewr/small"), offer("vultr/ord/small"),
	}
	zone := faults.Verdict{Class: faults.Capacity, Scope: faults.ScopeZone}
	region := faults.Verdict{Class: faults.Quota, Scope: faults.ScopeRegion}
	account := faults.Verdict{Class: faults.Quota, Scope: faults.ScopeProvider}
	slow := faults.Verdict{Class: faults.Timeout, Scope: faults.ScopeRegion}
	closed := faults.Verdict{Class: faults.NotEnabled, Scope: faults.ScopeRegion}
	wrong := faults.Verdict{Class: faults.Auth, Scope: faults.ScopeProvider}
	cases := []struct {
		name    string
		regions bool
		met     []faults.Verdict
		want    string
		skipped string
	}{
		{
			"zones, then regions, then the next provider, then other types where one had no room", true,
			[]faults.Verdict{zone},
			"gcp/use1-b small, gcp/use1-c small, gcp/euw1-b small, vultr/ewr small, vultr/ord small, gcp/use1-b big, gcp/use1-c big", "",
		},
		{
			"zones first even where regions are not", false,
			[]faults.Verdict{zone},
			"gcp/use1-b small, gcp/use1-c small, vultr/ewr small", "2 of gcp, 1 of vultr",
		},
		{
			"a region's quota leaves the region with all its types", true,
			[]faults.Verdict{region},
			"gcp/use1-b small, gcp/euw1-b small, vultr/ewr small, vultr/ord small", "1 of gcp",
		},
		{
			"an account's quota leaves the provider", true,
			[]faults.Verdict{account},
			"gcp/use1-b small, vultr/ewr small", "2 of gcp, 1 of vultr",
		},
		{
			"a wrong token is not walked through zones and regions", true,
			[]faults.Verdict{wrong},
			"gcp/use1-b small, vultr/ewr small", "2 of gcp, 1 of vultr",
		},
		{
			"after one that took too long comes the next provider, and then the other regions", true,
			[]faults.Verdict{slow},
			"gcp/use1-b small, vultr/ewr small, gcp/euw1-b small, vultr/ord small", "1 of gcp",
		},
		{
			"a region that is not enabled is not the account", true,
			[]faults.Verdict{closed},
			"gcp/use1-b small, gcp/euw1-b small, vultr/ewr small, vultr/ord small", "1 of gcp",
		},
		{
			"a zone, then the region", true,
			[]faults.Verdict{zone, region, zone, zone},
			"gcp/use1-b small, gcp/use1-c small, gcp/euw1-b small, vultr/ewr small, vultr/ord small", "1 of gcp",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := newQueue(all, policies.Failover{MaxAttempts: 20, RegionsFirst: c.regions})
			var got, skipped []string
			for next, ok := q.next(); ok; next, ok = q.next() {
				got = append(got, name(next)+" "+next.Offer.Type)
				_, skip := q.failed(c.met[min(len(got)-1, len(c.met)-1)])
				if skip != nil {
					skipped = append(skipped, fmt.Sprintf("%d of %s", skip.Candidates, skip.Provider))
				}
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("tried %s\nwant  %s", s, c.want)
			}
			if s := strings.Join(skipped, ", "); s != c.skipped {
				t.Errorf("skipped %s\nwant    %s", s, c.skipped)
			}
		})
	}
}

// A cluster is the last resort although it costs nothing.
func TestQueueClusterLast(t *testing.T) {
	q := newQueue([]selector.Candidate{offer(policies.Kubernetes + "/production/blueprints"), offer("gcp/use1/small", "b"), offer("gcp/euw1/small", "b")},
		policies.Failover{MaxAttempts: 6, RegionsFirst: true})
	var got []string
	for next, ok := q.next(); ok; next, ok = q.next() {
		got = append(got, next.Offer.Provider)
		q.failed(verdict(faults.Timeout))
	}
	if s := strings.Join(got, " "); s != "gcp gcp kubernetes" {
		t.Errorf("tried %s", s)
	}
}

// Limits that leave no room use up no attempt.
func TestQueuePass(t *testing.T) {
	q := newQueue([]selector.Candidate{offer("gcp/use1/small", "b", "c"), offer("gcp/use1/big", "b"), offer("gcp/euw1/small", "b"), offer("vultr/ewr/small")},
		policies.Failover{MaxAttempts: 2, RegionsFirst: true})
	q.next()
	skip := q.pass(faults.Verdict{Class: faults.Quota, Scope: faults.ScopeRegion}, "CPUS is 8")
	if skip.Candidates != 2 || skip.Region != "use1" || skip.Attempt != 0 || skip.Reason != "CPUS is 8" {
		t.Errorf("skip %+v", skip)
	}
	if s, ok := q.next(); !ok || name(s) != "gcp/euw1-b" || q.attempts != 1 {
		t.Errorf("next %v %v, %d attempts", name(s), ok, q.attempts)
	}
}

// answers are what the property test's providers say.
var answers = []faults.Verdict{
	{Class: faults.Capacity, Scope: faults.ScopeZone},
	{Class: faults.Capacity, Scope: faults.ScopeRegion},
	{Class: faults.Quota, Scope: faults.ScopeRegion},
	{Class: faults.Quota, Scope: faults.ScopeProvider},
	{Class: faults.Transient, Scope: faults.ScopeProvider},
	{Class: faults.Auth, Scope: faults.ScopeProvider},
	{Class: faults.NotEnabled, Scope: faults.ScopeRegion},
	{Class: faults.Timeout, Scope: faults.ScopeRegion},
	{Class: faults.Unknown, Scope: faults.ScopeProvider},
}

// TestQueueProperties: whatever is met, nothing is tried that a fault reaches
// or that is too dear, nothing twice but after a transient fault, never more
// than max_attempts; every provider gets its chance when there are attempts
// for all; a look ahead tells what comes; and it ends.
func TestQueueProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []selector.Candidate
		providers := map[string]bool{}
		for i := range rapid.IntRange(1, 14).Draw(t, "candidates") {
			id := fmt.Sprintf("%s/r%d/t%d", rapid.SampledFrom([]string{"aws", "gcp", "vultr", "do"}).Draw(t, "provider"),
				rapid.IntRange(1, 3).Draw(t, "region"), i)
			c := offer(id, []string{"a", "b", "c"}[:rapid.IntRange(0, 3).Draw(t, "zones")]...)
			c.Spot = rapid.Bool().Draw(t, "spot")
			c.TotalUSD = float64(rapid.IntRange(1, 4).Draw(t, "usd"))
			providers[c.Offer.Provider] = true
			all = append(all, c)
		}
		limit := rapid.IntRange(1, 12).Draw(t, "max")
		q := newQueue(all, policies.Failover{MaxAttempts: limit, RegionsFirst: rapid.Bool().Draw(t, "regions")})
		rest := 4.0
		q.dear = func(c *selector.Candidate) string {
			if c.TotalUSD > rest {
				return "dear"
			}
			return ""
		}
		lower := rapid.Bool().Draw(t, "budget")
		type met struct {
			s slot
			v faults.Verdict
		}
		var history []met
		var guess slot
		guessed, surely := false, false
		chance := map[string]bool{}
		for steps := 0; ; steps++ {
			if steps > 100 {
				t.Fatal("it does not end")
			}
			s, ok := q.next()
			if guessed && (ok != surely || ok && s != guess) {
				t.Fatalf("the look ahead said %v %v, it is %v %v", guess, surely, s, ok)
			}
			if !ok {
				break
			}
			chance[s.Offer.Provider] = true
			if q.dear(s.Candidate) != "" {
				t.Fatalf("%s is too dear", name(s))
			}
			for i, m := range history {
				if m.s == s && !slices.ContainsFunc(history[i:], func(h met) bool { return h.v.Class == faults.Transient }) {
					t.Fatalf("%s twice", name(s))
				}
				reached := m.v.Class != faults.Transient && m.s.in(m.v.Scope) == s.in(m.v.Scope)
				if reached {
					t.Fatalf("%s was tried after %s met %s, which reaches it", name(s), name(m.s), m.v.Class)
				}
			}
			if rapid.IntRange(0, 4).Draw(t, "pass") == 0 {
				v := faults.Verdict{Class: faults.Quota, Scope: rapid.SampledFrom([]faults.Scope{"", faults.ScopeRegion, faults.ScopeProvider}).Draw(t, "scope")}
				if k := q.pass(v, "no room"); k.Candidates < 1 {
					t.Fatalf("skip %+v", k)
				}
				if v.Scope == "" {
					v.Scope = faults.ScopeRegion
				}
				history = append(history, met{s, v})
				guessed = false
				continue
			}
			if q.attempts > limit {
				t.Fatalf("attempt %d of %d", q.attempts, limit)
			}
			v := rapid.SampledFrom(answers).Draw(t, "met")
			history = append(history, met{s, v})
			ahead := q.clone()
			ahead.failed(v)
			guess, surely = ahead.next()
			guessed = true
			q.failed(v)
			if lower {
				rest -= 0.25
				guessed = false
			}
		}
		if !lower && q.attempts < limit && len(chance) < len(providers) {
			t.Fatalf("%d attempts of %d, and only %v had a chance", q.attempts, limit, chance)
		}
	})
}

// Attempts for all providers are attempts for all providers, whatever the first
// has to try.
func TestQueueEveryProviderHasItsChance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"aws", "gcp", "vultr", "do"}[:rapid.IntRange(1, 4).Draw(t, "providers")]
		var all []selector.Candidate
		for i := range rapid.IntRange(len(names), 20).Draw(t, "candidates") {
			p := names[i%len(names)]
			all = append(all, offer(fmt.Sprintf("%s/r%d/t%d", p, rapid.IntRange(1, 5).Draw(t, "region"), i), []string{"a", "b"}[:rapid.IntRange(0, 2).Draw(t, "zones")]...))
		}
		slices.SortFunc(all, func(a, b selector.Candidate) int { return strings.Compare(a.Offer.Provider, b.Offer.Provider) })
		q := newQueue(all, policies.Failover{MaxAttempts: rapid.IntRange(len(names), 10).Draw(t, "max"), RegionsFirst: rapid.Bool().Draw(t, "regions")})
		chance := map[string]bool{}
		for s, ok := q.next(); ok; s, ok = q.next() {
			chance[s.Offer.Provider] = true
			q.failed(rapid.SampledFrom(answers).Draw(t, "met"))
		}
		if len(chance) != len(names) {
			t.Fatalf("%d attempts of %d, and only %v had a chance", q.attempts, q.policy.MaxAttempts, chance)
		}
	})
}
