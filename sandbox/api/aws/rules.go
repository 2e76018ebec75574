package aws

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"skysail/sandbox/world"
)

// rule is one rule of a security group: one source or destination.
type rule struct {
	tagged
	ID       string `json:"id"`
	Egress   bool   `json:"egress,omitempty"`
	Protocol string `json:"protocol"`
	// From and To are ports, the type and code of ICMP, or -1 for all.
	From        int    `json:"from"`
	To          int    `json:"to"`
	CIDR4       string `json:"cidr4,omitempty"`
	CIDR6       string `json:"cidr6,omitempty"`
	Group       string `json:"group,omitempty"`
	Description string `json:"description,omitempty"`
}

// same says that two rules let the same through.
func (r rule) same(o rule) bool {
	ports := r.Protocol == "-1" || (r.From == o.From && r.To == o.To)
	return ports && r.Egress == o.Egress && r.Protocol == o.Protocol && r.CIDR4 == o.CIDR4 && r.CIDR6 == o.CIDR6 && r.Group == o.Group
}

// world is the rule as simulated machines know it. The detail is the group
// whose servers are the source.
func (r rule) world() []world.Rule {
	var sources []string
	if c := r.CIDR4 + r.CIDR6; c != "" {
		sources = []string{c}
	}
	var from json.RawMessage
	if r.Group != "" {
		from, _ = json.Marshal(r.Group) // a string: cannot fail
	}
	one := func(protocol string, low, high int) world.Rule {
		return world.Rule{Protocol: protocol, From: low, To: high, Sources: sources, Detail: from}
	}
	switch r.Protocol {
	case "-1":
		return []world.Rule{one("tcp", 1, 65535), one("udp", 1, 65535), one("icmp", 0, 0)}
	case "tcp", "udp":
		if r.From <= 0 && (r.To == -1 || r.To == 65535) {
			return []world.Rule{one(r.Protocol, 1, 65535)}
		}
		return []world.Rule{one(r.Protocol, r.From, r.To)}
	case "icmp", "icmpv6":
		return []world.Rule{one("icmp", 0, 0)}
	}
	return nil
}

// rules reads what a call asks for: each source of each permission is a rule.
func (p params) rules(egress bool) ([]rule, error) {
	list := p.structs("IpPermissions")
	if len(list) == 0 && p.has("IpProtocol") {
		// The older form, with one source.
		one := params{"IpProtocol": p["IpProtocol"], "FromPort": p["FromPort"], "ToPort": p["ToPort"], "IpRanges.1.CidrIp": p["CidrIp"]}
		list = append(list, one)
	}
	var out []rule
	for _, perm := range list {
		base, err := perm.protocol(egress)
		if err != nil {
			return nil, err
		}
		for _, src := range perm.structs("IpRanges") {
			r := base
			r.CIDR4, r.Description = src.get("CidrIp"), src.get("Description")
			out = append(out, r)
		}
		for _, src := range perm.structs("Ipv6Ranges") {
			r := base
			r.CIDR6, r.Description = src.get("CidrIpv6"), src.get("Description")
			out = append(out, r)
		}
		for _, src := range append(perm.structs("Groups"), perm.structs("UserIdGroupPairs")...) {
			r := base
			r.Group, r.Description = src.get("GroupId"), src.get("Description")
			out = append(out, r)
		}
		if perm.has("PrefixListIds.1.PrefixListId") {
			return nil, unsimulated("prefix lists")
		}
	}
	for i := range out {
		if err := out[i].check(); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, missing("ipPermissions")
	}
	return out, nil
}

func (p params) protocol(egress bool) (rule, error) {
	r := rule{Egress: egress, Protocol: strings.ToLower(p.get("IpProtocol")), From: -1, To: -1}
	if name, ok := map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}[r.Protocol]; ok {
		r.Protocol = name
	}
	switch r.Protocol {
	case "":
		return r, missing("ipProtocol")
	case "-1":
		return r, nil
	case "tcp", "udp", "icmp", "icmpv6":
	default:
		return r, invalidValue("Invalid value '%s' for IP protocol. Unknown protocol.", r.Protocol)
	}
	if p.has("FromPort") {
		r.From = p.int("FromPort")
	}
	if p.has("ToPort") {
		r.To = p.int("ToPort")
	}
	if r.Protocol == "tcp" || r.Protocol == "udp" {
		if r.From < 0 || r.To < 0 || r.From > 65535 || r.To > 65535 {
			return r, invalidValue("Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
		}
		if r.From > r.To {
			return r, badRequest("InvalidPermission.Malformed", "The port range 'from port: %d, to port: %d' is invalid", r.From, r.To)
		}
	}
	return r, nil
}

// check refuses what is not a network, and takes host bits off as EC2 does.
func (r *rule) check() error {
	for _, c := range []struct {
		text *string
		four bool
	}{{&r.CIDR4, true}, {&r.CIDR6, false}} {
		if *c.text == "" {
			continue
		}
		p, err := netip.ParsePrefix(*c.text)
		if err != nil || p.Addr().Is4() != c.four {
			return invalidValue("CIDR block %s is malformed", *c.text)
		}
		*c.text = p.Masked().String()
	}
	return nil
}

// permissions groups rules by their ports, as DescribeSecurityGroups does.
func permissions(rules []rule, egress bool) xs {
	var keys []rule
	for _, r := range rules {
		k := rule{Protocol: r.Protocol, From: r.From, To: r.To}
		if r.Egress == egress && !slices.ContainsFunc(keys, k.same) {
			keys = append(keys, k)
		}
	}
	out := xs{}
	for _, k := range keys {
		four, six, groups := xs{}, xs{}, xs{}
		for _, r := range rules {
			if r.Egress != egress || !k.same(rule{Protocol: r.Protocol, From: r.From, To: r.To}) {
				continue
			}
			switch {
			case r.CIDR4 != "":
				four = append(four, x{"cidrIp", r.CIDR4, "description", r.Description})
			case r.CIDR6 != "":
				six = append(six, x{"cidrIpv6", r.CIDR6, "description", r.Description})
			default:
				groups = append(groups, x{"userId", Account, "groupId", r.Group, "description", r.Description})
			}
		}
		v := x{"ipProtocol", k.Protocol, "groups", groups, "ipRanges", four, "ipv6Ranges", six, "prefixListIds", xs{}}
		if k.Protocol != "-1" {
			v = append(v, "fromPort", k.From, "toPort", k.To)
		}
		out = append(out, v)
	}
	return out
}

func (r rule) view(region, group string) x {
	v := x{
		"securityGroupRuleId", r.ID, "securityGroupRuleArn", arn(region, "security-group-rule/"+r.ID), "groupId", group, "groupOwnerId", Account,
		"isEgress", r.Egress, "ipProtocol", r.Protocol, "fromPort", r.From, "toPort", r.To,
		"cidrIpv4", r.CIDR4, "cidrIpv6", r.CIDR6, "description", r.Description, "tagSet", tagSet(r.Tags),
	}
	if r.Group != "" {
		v = append(v, "referencedGroupInfo", x{"groupId", r.Group, "userId", Account})
	}
	return v
}

func (r rule) words() string {
	peer := r.CIDR4 + r.CIDR6 + r.Group
	if r.Protocol == "-1" {
		return fmt.Sprintf("peer: %s, ALL, ALLOW", peer)
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(r.Protocol), r.From, r.To)
}
