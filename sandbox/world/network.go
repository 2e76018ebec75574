package world

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// NetworkDefaults are the rules that Google puts into the network "default" of
// a new project, weakest of all. Not to know of them is a mistake that simulated
// firewalls must not forgive: they leave SSH open to the world.
// https://cloud.google.com/firewall/docs/firewalls#more_rules_default_vpc
func NetworkDefaults() []Firewall {
	const weakest = 65534
	anywhere, inside := []string{"0.0.0.0/0"}, []string{"10.128.0.0/9"}
	rule := func(name, protocol string, from, to int, sources []string) Firewall {
		return Firewall{
			Provider: GCP, Name: name, Everything: true,
			Inbound: []Rule{{Protocol: protocol, From: from, To: to, Sources: sources, Priority: weakest}},
		}
	}
	internal := rule("default-allow-internal", "tcp", 0, 65535, inside)
	internal.Inbound = append(internal.Inbound,
		Rule{Protocol: "udp", From: 0, To: 65535, Sources: inside, Priority: weakest},
		Rule{Protocol: "icmp", Sources: inside, Priority: weakest})
	return []Firewall{
		rule("default-allow-icmp", "icmp", 0, 0, anywhere), internal,
		rule("default-allow-rdp", "tcp", 3389, 3389, anywhere),
		rule("default-allow-ssh", "tcp", 22, 22, anywhere),
	}
}

// networkInbound returns what may reach a server of a network that refuses
// what no rule allows, and whose rules have priorities.
func (st *State) networkInbound(s *Server) []Opening {
	var rules []Rule
	add := func(f *Firewall) {
		if !f.Guards(s) {
			return
		}
		for _, r := range f.Inbound {
			r.Sources = st.sources(f.Provider, r)
			rules = append(rules, r)
		}
	}
	for _, f := range st.Firewalls {
		add(f)
	}
	for _, f := range NetworkDefaults() {
		add(&f)
	}
	slices.SortStableFunc(rules, func(a, b Rule) int {
		if a.Deny != b.Deny && a.Priority == b.Priority {
			if a.Deny {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Priority, b.Priority)
	})
	open := []Opening{}
	for i, r := range rules {
		if r.Deny {
			continue
		}
		left := []Opening{opening(r)}
		for _, d := range rules[:i] {
			if d.Deny {
				left = without(left, opening(d))
			}
		}
		open = append(open, left...)
	}
	return open
}

// opening is a rule with all of its ports written out.
func opening(r Rule) Opening {
	o := Opening{Protocol: r.Protocol, From: r.From, To: r.To, Sources: r.Sources}
	if r.From == 0 && r.To == 0 && !strings.EqualFold(r.Protocol, "icmp") {
		o.From, o.To = 1, 65535
	}
	return o
}

// without takes a refused opening out of others.
func without(open []Opening, deny Opening) []Opening {
	var out []Opening
	for _, o := range open {
		if !strings.EqualFold(o.Protocol, deny.Protocol) || deny.To < o.From || deny.From > o.To {
			out = append(out, o)
			continue
		}
		from, to := max(o.From, deny.From), min(o.To, deny.To)
		if o.From < from {
			out = append(out, Opening{o.Protocol, o.From, from - 1, o.Sources})
		}
		if o.To > to {
			out = append(out, Opening{o.Protocol, to + 1, o.To, o.Sources})
		}
		if left := subtract(o.Sources, deny.Sources); len(left) > 0 {
			out = append(out, Opening{o.Protocol, from, to, left})
		}
	}
	return out
}

// subtract returns the CIDRs of from that are in none of the others. What is
// no CIDR stays.
func subtract(from, others []string) []string {
	var out []string
	for _, text := range from {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			out = append(out, text)
			continue
		}
		left := []netip.Prefix{p.Masked()}
		for _, o := range others {
			if d, err := netip.ParsePrefix(o); err == nil {
				var next []netip.Prefix
				for _, l := range left {
					next = append(next, split(l, d.Masked())...)
				}
				left = next
			}
		}
		for _, l := range left {
			out = append(out, l.String())
		}
	}
	return out
}

// split returns the parts of a prefix that are not in another.
func split(p, hole netip.Prefix) []netip.Prefix {
	switch {
	case !p.Overlaps(hole):
		return []netip.Prefix{p}
	case hole.Bits() <= p.Bits():
		return nil
	}
	raw := p.Addr().AsSlice()
	bit := p.Bits()
	low := netip.PrefixFrom(p.Addr(), bit+1)
	raw[bit/8] |= 0x80 >> (bit % 8)
	addr, _ := netip.AddrFromSlice(raw) // of the length it had
	high := netip.PrefixFrom(addr, bit+1)
	return append(split(low, hole), split(high, hole)...)
}
