package digitalocean

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"skysail/sandbox/world"
)

// peers are the sources or destinations of a rule.
type peers struct {
	Addresses        []string `json:"addresses,omitempty"`
	Tags             []string `json:"tags,omitempty"`
	DropletIDs       []int64  `json:"droplet_ids,omitempty"`
	LoadBalancerUIDs []string `json:"load_balancer_uids,omitempty"`
	KubernetesIDs    []string `json:"kubernetes_ids,omitempty"`
}

type rule struct {
	Protocol     string `json:"protocol"`
	Ports        ports  `json:"ports"`
	Action       string `json:"action"`
	Sources      *peers `json:"sources,omitempty"`
	Destinations *peers `json:"destinations,omitempty"`
}

// ports takes a number too, as the real API does.
type ports string

func (p *ports) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		s = strings.TrimSpace(string(raw))
	}
	*p = ports(s)
	return nil
}

// bounds returns the first and the last port; "0" stands for all.
func (p ports) bounds() (from, to int, ok bool) {
	if p == "0" {
		return 1, 65535, true
	}
	low, high, ranged := strings.Cut(string(p), "-")
	if !ranged {
		high = low
	}
	from, err1 := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	return from, to, err1 == nil && err2 == nil && from >= 1 && from <= to && to <= 65535
}

type rules struct {
	Inbound  []rule `json:"inbound_rules"`
	Outbound []rule `json:"outbound_rules"`
}

// normalize brings the rules into the form in which DigitalOcean stores them
// and checks what they refer to.
func (rs *rules) normalize(st *world.State) error {
	if len(rs.Inbound)+len(rs.Outbound) == 0 {
		return unprocessable("must have at least one rule")
	}
	for i := range rs.Inbound {
		if err := rs.Inbound[i].normalize(st, rs.Inbound[i].Sources); err != nil {
			return err
		}
	}
	for i := range rs.Outbound {
		if err := rs.Outbound[i].normalize(st, rs.Outbound[i].Destinations); err != nil {
			return err
		}
	}
	return nil
}

func (r *rule) normalize(st *world.State, p *peers) error {
	r.Protocol = strings.ToLower(r.Protocol)
	if !slices.Contains([]string{"tcp", "udp", "icmp"}, r.Protocol) {
		return unprocessable("invalid protocol")
	}
	if r.Action == "" {
		r.Action = "allow"
	}
	if r.Action != "allow" {
		return unprocessable("the skysail sandbox has no firewall rules with the action %q", r.Action)
	}
	if r.Ports == "all" || (r.Ports == "" && r.Protocol == "icmp") {
		r.Ports = "0"
	}
	if _, _, ok := r.Ports.bounds(); !ok {
		return unprocessable("invalid port range")
	}
	if p == nil {
		return nil
	}
	for _, a := range p.Addresses {
		if !isAddress(a) {
			return unprocessable("invalid address")
		}
	}
	if err := checkReferences(st, p.Tags, p.DropletIDs); err != nil {
		return err
	}
	if len(p.LoadBalancerUIDs) > 0 {
		return unprocessable("load balancer does not exist")
	}
	if len(p.KubernetesIDs) > 0 {
		return unprocessable("kubernetes cluster does not exist")
	}
	return nil
}

// isAddress says whether s is an IP address or a CIDR.
func isAddress(s string) bool {
	if _, err := netip.ParsePrefix(s); err == nil {
		return true
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// checkReferences refuses tags and droplets that are not there. Unlike a
// droplet, a firewall does not make the tags that it names.
func checkReferences(st *world.State, tags []string, droplets []int64) error {
	for _, t := range tags {
		if st.Tag(provider, t) == nil {
			return unprocessable("tag %s does not exist", t)
		}
	}
	for _, id := range droplets {
		if st.Server(provider, strconv.FormatInt(id, 10)) == nil {
			return unprocessable("droplet does not exist")
		}
	}
	return nil
}

// inbound is what the rules mean to a machine.
func (rs *rules) inbound() []world.Rule {
	out := []world.Rule{}
	for _, r := range rs.Inbound {
		if r.Sources == nil {
			continue // matches nothing
		}
		w := world.Rule{Protocol: r.Protocol, Sources: r.Sources.Addresses, SourceTags: r.Sources.Tags}
		if r.Protocol != "icmp" {
			w.From, w.To, _ = r.Ports.bounds()
		}
		for _, id := range r.Sources.DropletIDs {
			w.SourceServers = append(w.SourceServers, strconv.FormatInt(id, 10))
		}
		out = append(out, w)
	}
	return out
}
