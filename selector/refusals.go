package selector

import (
	"skysail/catalog"
	"skysail/policies"
)

// Refusal counts the offers of a provider that were refused for one reason.
type Refusal struct {
	Provider string `json:"provider"`
	Reason   string `json:"reason"`
	Count    int    `json:"count"`
	// Example is the cheapest of them, "TYPE in REGION"; empty where no offer
	// was looked at.
	Example string `json:"example,omitempty"`
}

// tally is what was refused of one provider.
type tally struct {
	offered bool
	count   [codes]int
	example [codes]*catalog.Offer
}

func (t *tally) refuse(k code, o *catalog.Offer) {
	t.count[k]++
	e := t.example[k]
	if e == nil || o.PriceUSD < e.PriceUSD || o.PriceUSD == e.PriceUSD && catalog.Compare(o, e) < 0 {
		t.example[k] = o
	}
}

// refusals lists providers that offer nothing in the order of the rule's
// list, then the reasons of each that does.
func (c *checker) refusals(list []string, tallies []tally) []Refusal {
	var out []Refusal
	for i, p := range list {
		if why := c.nothingOf(p, tallies[i].offered); why != "" {
			out = append(out, Refusal{Provider: p, Reason: why, Count: 1})
		}
	}
	for i, p := range list {
		for k := code(1); k < codes; k++ {
			if n := tallies[i].count[k]; n > 0 {
				e := tallies[i].example[k]
				out = append(out, Refusal{Provider: p, Reason: c.text(k), Count: n, Example: e.Type + " in " + e.Region})
			}
		}
	}
	return out
}

// nothingOf says why a provider has no offer at all, or "" when it has. Of
// several clusters it speaks of those that can not be used.
func (c *checker) nothingOf(provider string, offered bool) string {
	switch {
	case c.in.Unavailable[provider] != "":
		return c.in.Unavailable[provider]
	case provider == policies.Kubernetes:
		return c.clusterRefusal()
	case offered:
		return ""
	case provider == policies.Local:
		return "a remote deployment does not go to this machine; leave --remote out for that"
	default:
		return "the catalog holds no offer of it"
	}
}
