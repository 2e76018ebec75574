package review

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
)

func change(kind string, after map[string]any, actions ...tfjson.Action) *tfjson.ResourceChange {
	if actions == nil {
		actions = []tfjson.Action{tfjson.ActionCreate}
	}
	return &tfjson.ResourceChange{
		Address: kind + ".x", Mode: tfjson.ManagedResourceMode, Type: kind, Change: &tfjson.Change{Actions: actions, After: after},
	}
}

type attrs = map[string]any

func TestOpenings(t *testing.T) {
	for name, c := range map[string]struct {
		changes []*tfjson.ResourceChange
		want    []Opening
	}{
		"aws": {[]*tfjson.ResourceChange{
			change("aws_vpc_security_group_ingress_rule", attrs{"from_port": 22.0, "to_port": 22.0, "cidr_ipv4": "203.0.113.0/24", "cidr_ipv6": nil}),
			change("aws_vpc_security_group_ingress_rule", attrs{"from_port": 8000.0, "to_port": 8100.0, "cidr_ipv6": "::/0"}),
			change("aws_vpc_security_group_ingress_rule", attrs{"ip_protocol": "-1", "cidr_ipv4": "10.0.0.0/8"}),
			change("aws_vpc_security_group_egress_rule", attrs{"cidr_ipv4": "0.0.0.0/0"}),
		}, []Opening{{"22", []string{"203.0.113.0/24"}}, {"all", []string{"10.0.0.0/8"}}, {"8000-8100", []string{"::/0"}}}},
		"gcp": {[]*tfjson.ResourceChange{
			change("google_compute_firewall", attrs{"direction": "INGRESS", "source_ranges": []any{"0.0.0.0/0"}, "allow": []any{attrs{"protocol": "tcp", "ports": []any{"80", "443"}}}}),
			change("google_compute_firewall", attrs{"direction": "INGRESS", "source_ranges": []any{"10.0.0.0/8"}, "allow": []any{attrs{"protocol": "all"}}}),
			change("google_compute_firewall", attrs{"direction": "INGRESS", "source_ranges": []any{"0.0.0.0/0"}, "deny": []any{attrs{"protocol": "all"}}}),
			change("google_compute_firewall", attrs{"direction": "EGRESS", "allow": []any{attrs{"protocol": "all"}}}),
		}, []Opening{{"80", []string{"0.0.0.0/0"}}, {"443", []string{"0.0.0.0/0"}}, {"all", []string{"10.0.0.0/8"}}}},
		"digitalocean": {[]*tfjson.ResourceChange{
			change("digitalocean_firewall", attrs{
				"inbound_rule":  []any{attrs{"port_range": "22", "source_addresses": []any{"203.0.113.7/32"}}, attrs{"port_range": "8080", "source_addresses": []any{"::/0", "0.0.0.0/0"}}},
				"outbound_rule": []any{attrs{"port_range": "all", "destination_addresses": []any{"0.0.0.0/0"}}},
			}),
		}, []Opening{{"22", []string{"203.0.113.7/32"}}, {"8080", []string{"0.0.0.0/0", "::/0"}}}},
		"vultr, one rule twice, one removed": {[]*tfjson.ResourceChange{
			change("vultr_firewall_rule", attrs{"port": "8080", "subnet": "0.0.0.0", "subnet_size": 0.0}),
			change("vultr_firewall_rule", attrs{"port": "8080", "subnet": "0.0.0.0", "subnet_size": 0.0}),
			change("vultr_firewall_rule", attrs{"port": "8080", "subnet": "::", "subnet_size": 0.0}),
			change("vultr_firewall_rule", nil, tfjson.ActionDelete),
		}, []Opening{{"8080", []string{"0.0.0.0/0", "::/0"}}}},
		"kubernetes": {[]*tfjson.ResourceChange{
			change("helm_release", attrs{"values": []any{"ports:\n- {number: 8080, public: true}\n- {number: 9090, public: false}\naccess: {ingress: [10.0.0.0/8]}\n"}}),
		}, []Opening{{"8080", []string{"10.0.0.0/8"}}}},
		"none": {nil, []Opening{}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, Openings(&tfjson.Plan{ResourceChanges: c.changes})); d != "" {
				t.Error(d)
			}
		})
	}
}
