package policies

import (
	"fmt"
	"net/netip"
	"slices"

	"skysail/internal/hclfile"
)

// The widest networks that may open SSH connections. Two halves of the
// address space are as open as the whole.
const (
	minBitsIPv4 = 8
	minBitsIPv6 = 16
)

func (a Access) mistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	for i, cidr := range a.SSHFrom {
		at := fmt.Sprintf("access.ssh_from[%d]", i)
		m, bad := cidrMistake(cidr)
		switch {
		case bad:
			m.Path = at
			out = append(out, m)
		case slices.Contains(a.SSHFrom[:i], cidr):
			out = append(out, duplicate(at, cidr))
		}
	}
	return append(out, a.routeMistakes()...)
}

func cidrMistake(cidr string) (hclfile.Mistake, bool) {
	m := hclfile.Mistake{Summary: "Invalid network", Value: cidr}
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		m.Detail = "{value} is no network in CIDR form."
		m.Hint = `for example "203.0.113.0/24", or "203.0.113.7/32" for one address`
		if addr, err := netip.ParseAddr(cidr); err == nil && addr.Zone() == "" {
			m.Detail = "{value} is an address, and a network is needed."
			m.Guess = fmt.Sprintf("did you mean %s?", hclfile.Quote(netip.PrefixFrom(addr, addr.BitLen()).String()))
		}
		return m, true
	}
	switch {
	case p.Addr().Is4In6():
		m.Detail = "{value} is an IPv4 network written as IPv6, which firewalls read in different ways."
		m.Hint = `write it as IPv4, for example "203.0.113.0/24"`
	case world(p):
		m.Summary = "SSH open to the world"
		m.Detail = "{value} would let nearly every machine on the internet try to log in."
		m.Hint = fmt.Sprintf("give the networks you connect from, of at least /%d (IPv6: /%d), or leave ssh_from out for this machine's own address", minBitsIPv4, minBitsIPv6)
	case p != p.Masked():
		return hostBits(cidr, p), true
	default:
		return m, false
	}
	return m, true
}

func hostBits(cidr string, p netip.Prefix) hclfile.Mistake {
	return hclfile.Mistake{
		Summary: "Invalid network", Value: cidr,
		Detail: "{value} has bits set that its mask leaves out.",
		Hint:   "write 0 for the bits that the mask leaves out",
		Guess:  fmt.Sprintf("did you mean %s?", hclfile.Quote(p.Masked().String())),
	}
}

func world(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return p.Bits() < minBitsIPv4
	}
	// fc00::/7 is private as a whole.
	private := p.Addr().IsPrivate() && p.Bits() >= 7
	return p.Bits() < minBitsIPv6 && !private
}
