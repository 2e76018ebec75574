package react

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"skysail/policies"
)

// Past is a reaction that there was.
type Past struct {
	At  time.Time
	USD float64 // what it cost beside what ran anyway
}

// Case is a deployment about which a Gate is asked.
type Case struct {
	ID     string
	Policy policies.Reaction
	// Past are its name's reactions of the last 24 hours, those that were only
	// told included.
	Past []Past
	// Alone says that the network of this machine is between us and it, so that
	// something must show that this network works.
	Alone bool
}

// Fleet is what is known of everything else.
type Fleet struct {
	// NetworkUp and NetworkKnown say whether this machine's own network works.
	NetworkUp, NetworkKnown bool
}

// Verdict is what a Gate says.
type Verdict struct {
	// Evidence is what speaks against the deployment; none when it is well, or
	// not known to be unwell for long enough.
	Evidence []Evidence
	// Held is why nothing is done all the same; empty when something is.
	Held string
	// Limit is the bound of the policy that Held is about, max_per_day or
	// max_usd_per_day, and empty where it is about something else. Last is when
	// the last reaction began, and Until when the bound allows another one.
	Limit       string
	Last, Until time.Time
}

// React says whether something is to be done.
func (v Verdict) React() bool { return len(v.Evidence) > 0 && v.Held == "" }

// Why is the evidence in words.
func (v Verdict) Why() string {
	parts := make([]string, len(v.Evidence))
	for i, e := range v.Evidence {
		parts[i] = e.String()
	}
	return strings.Join(parts, "; ")
}

// Judge looks at one deployment.
func (g *Gate) Judge(c Case, f Fleet) Verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	v := Verdict{Evidence: g.evidence(c, now)}
	if len(v.Evidence) > 0 {
		if v.Held = g.held(c, f, now); v.Held == "" {
			v.bound(c, now)
		}
	}
	return v
}

// evidence is what holds against instances: the health check, and another way
// to ask.
func (g *Gate) evidence(c Case, now time.Time) []Evidence {
	var out []Evidence
	for _, name := range slices.Sorted(maps.Keys(g.by[c.ID])) {
		var signs []Sign
		for _, sign := range []string{Health, Inside, Login, Service} {
			if s, ok := g.by[c.ID][name].signs[sign]; ok && s.holds(now, c.Policy.After, g.forget) {
				signs = append(signs, s)
			}
		}
		if len(signs) > 1 && signs[0].Name == Health {
			out = append(out, Evidence{Instance: name, Signs: signs})
		}
	}
	return out
}

// held is the first reason to leave things alone.
func (g *Gate) held(c Case, f Fleet, now time.Time) string {
	if f.NetworkKnown && !f.NetworkUp {
		return "this machine's own network is cut"
	}
	well, known := g.share(now)
	if known > 1 && float64(well) < c.Policy.MinHealthy*float64(known) {
		return fmt.Sprintf("only %d of the %d deployments that are watched are healthy, fewer than min_healthy allows: more likely something between us and them", well, known)
	}
	if c.Alone && well == 0 && !f.NetworkKnown {
		return "nothing shows that this machine's own network works: no other deployment is healthy, and no anchor has answered"
	}
	return ""
}

// bound looks at what was done before.
func (v *Verdict) bound(c Case, now time.Time) {
	day := slices.DeleteFunc(slices.Clone(c.Past), func(p Past) bool { return now.Sub(p.At) >= 24*time.Hour })
	if len(day) == 0 {
		return
	}
	slices.SortFunc(day, func(a, b Past) int { return a.At.Compare(b.At) })
	v.Last = day[len(day)-1].At
	if since := now.Sub(v.Last); since < c.Policy.Cooldown {
		v.Held = fmt.Sprintf("the last reaction was %s ago, and the cooldown is %s", since.Round(time.Second), c.Policy.Cooldown)
		return
	}
	for i := range day { // until so many of them are a day old
		limit, why := over(day[i:], c.Policy)
		if i == 0 {
			v.Limit, v.Held = limit, why
		}
		if limit == "" {
			return
		}
		v.Until = day[i].At.Add(24 * time.Hour)
	}
}

// over is the bound that reactions are at, and why.
func over(day []Past, p policies.Reaction) (limit, why string) {
	spent := 0.0
	for _, x := range day {
		spent += x.USD
	}
	switch {
	case len(day) >= p.MaxPerDay:
		return "max_per_day", fmt.Sprintf("there were %d reactions in 24 hours, as many as max_per_day allows", len(day))
	case p.MaxUSDPerDay > 0 && spent >= p.MaxUSDPerDay:
		return "max_usd_per_day", fmt.Sprintf("reactions have cost $%.4f in 24 hours, and max_usd_per_day is $%.4f", spent, p.MaxUSDPerDay)
	}
	return "", ""
}

// share counts the deployments whose health is known, and those of them that
// are well: all their instances pass.
func (g *Gate) share(now time.Time) (well, known int) {
	for _, instances := range g.by {
		passing, failing := 0, 0
		for _, i := range instances {
			switch {
			case now.Sub(i.failing) < g.forget && i.failing.After(i.healthy):
				failing++
			case now.Sub(i.healthy) < g.forget:
				passing++
			}
		}
		if passing+failing == 0 {
			continue
		}
		if known++; failing == 0 {
			well++
		}
	}
	return well, known
}
