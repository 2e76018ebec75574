package gcp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

// The priority of a rule that names none, and the weakest that can be named.
const (
	defaultPriority = 1000
	weakestPriority = 65535
)

// protocols are the numbers that the API takes for names too.
var protocols = map[string][]string{
	"all": {"tcp", "udp", "icmp"}, "tcp": {"tcp"}, "6": {"tcp"}, "udp": {"udp"}, "17": {"udp"}, "icmp": {"icmp"}, "1": {"icmp"},
	// Simulated machines speak none of these; the rules stand all the same.
	"esp": {"esp"}, "50": {"esp"}, "ah": {"ah"}, "51": {"ah"}, "sctp": {"sctp"}, "132": {"sctp"}, "ipip": {"ipip"}, "4": {"ipip"},
}

// checkFirewall completes a rule as the API does and returns it in the form of
// the world, or says what is wrong with it.
//
// A priority of 0 is one that was asked for: where the request names none, the
// caller has put in defaultPriority.
func checkFirewall(d *compute.Firewall) ([]world.Rule, error) {
	if d.Direction == "" {
		d.Direction = ingress
	}
	switch {
	case d.Direction != ingress && d.Direction != egress:
		return nil, invalid("resource.direction", d.Direction, "")
	case d.Priority < 0 || d.Priority > weakestPriority:
		return nil, invalid("resource.priority", fmt.Sprint(d.Priority), "Must be between 0 and 65535, inclusive")
	case (len(d.Allowed) == 0) == (len(d.Denied) == 0):
		return nil, badRequest("Exactly one of resource.allowed and resource.denied must be given.")
	case d.Network != "" && lastPart(d.Network) != defaultNetwork:
		return nil, invalid("resource.network", d.Network, "The referenced network resource cannot be found.")
	case len(d.SourceServiceAccounts)+len(d.TargetServiceAccounts) > 0:
		return nil, lacking("firewall rules by service account")
	case d.Direction == ingress && len(d.SourceRanges)+len(d.SourceTags) == 0:
		d.SourceRanges = []string{"0.0.0.0/0"}
	}
	if d.Direction == egress && len(d.DestinationRanges) == 0 {
		d.DestinationRanges = []string{"0.0.0.0/0"}
	}
	if err := checkSources(d); err != nil {
		return nil, err
	}
	var rules []world.Rule
	add := func(field, protocol string, ports []string, deny bool) error {
		names, ok := protocols[strings.ToLower(protocol)]
		if !ok {
			return invalid(field+".IPProtocol", protocol, "")
		}
		spans, err := spansOf(field, ports)
		if err != nil {
			return err
		}
		for _, name := range names {
			for _, span := range spans {
				rules = append(rules, world.Rule{
					Protocol: name, From: span[0], To: span[1], Sources: d.SourceRanges, SourceTags: d.SourceTags, Deny: deny, Priority: int(d.Priority),
				})
			}
		}
		return nil
	}
	for n, a := range d.Allowed {
		if err := add(fmt.Sprintf("resource.allowed[%d]", n), a.IPProtocol, a.Ports, false); err != nil {
			return nil, err
		}
	}
	for n, a := range d.Denied {
		if err := add(fmt.Sprintf("resource.denied[%d]", n), a.IPProtocol, a.Ports, true); err != nil {
			return nil, err
		}
	}
	if d.Disabled || d.Direction == egress {
		return nil, nil
	}
	return rules, nil
}

func checkSources(d *compute.Firewall) error {
	families := map[bool]bool{}
	for n, text := range d.SourceRanges {
		families[strings.Contains(text, ":")] = true
		field := fmt.Sprintf("resource.sourceRanges[%d]", n)
		if a, err := netip.ParseAddr(text); err == nil {
			d.SourceRanges[n] = netip.PrefixFrom(a, a.BitLen()).String()
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return invalid(field, text, "Must be a valid IP address or CIDR range.")
		}
		if p != p.Masked() {
			return invalid(field, text, "Must be a CIDR address range with no host bits set; did you mean '"+p.Masked().String()+"'?")
		}
	}
	if len(families) > 1 {
		return invalid("resource.sourceRanges", strings.Join(d.SourceRanges, ", "), "A firewall rule cannot have both IPv4 and IPv6 ranges.")
	}
	for n, t := range d.TargetTags {
		if err := checkName(fmt.Sprintf("resource.targetTags[%d]", n), t); err != nil {
			return err
		}
	}
	for n, t := range d.SourceTags {
		if err := checkName(fmt.Sprintf("resource.sourceTags[%d]", n), t); err != nil {
			return err
		}
	}
	return nil
}

// spansOf reads ports and ranges of ports; none means all.
func spansOf(field string, ports []string) ([][2]int, error) {
	if len(ports) == 0 {
		return [][2]int{{0, 0}}, nil
	}
	var out [][2]int
	for n, text := range ports {
		first, last, isRange := strings.Cut(text, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || from < 0 || to > 65535 || from > to {
			return nil, invalid(fmt.Sprintf("%s.ports[%d]", field, n), text, "Must be an integer or a range of integers between 0 and 65535.")
		}
		out = append(out, [2]int{from, to})
	}
	return out, nil
}

func portRange(r world.Rule) string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}
