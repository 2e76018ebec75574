package builtin_test

import data.builtin

planned(type, values) := {"resource_changes": [{"address": "x", "type": type, "change": {"after": values}}]}

test_one_form_for_all_providers[name] if {
	some name, tc in {
		"aws rule": {"type": "aws_vpc_security_group_ingress_rule", "values": {"cidr_ipv4": "10.0.0.0/8", "ip_protocol": "tcp", "from_port": 20, "to_port": 25}},
		"aws group": {"type": "aws_security_group", "values": {"ingress": [{"cidr_blocks": ["10.0.0.0/8"], "protocol": "tcp", "from_port": 20, "to_port": 25}]}},
		"aws old rule": {"type": "aws_security_group_rule", "values": {"type": "ingress", "cidr_blocks": ["10.0.0.0/8"], "protocol": "6", "from_port": 20, "to_port": 25}},
		"gcp": {"type": "google_compute_firewall", "values": {"source_ranges": ["10.0.0.0/8"], "allow": [{"protocol": "tcp", "ports": ["20-25"]}]}},
		"digitalocean": {"type": "digitalocean_firewall", "values": {"inbound_rule": [{"protocol": "tcp", "port_range": "20-25", "source_addresses": ["10.0.0.0/8"]}]}},
		"vultr": {"type": "vultr_firewall_rule", "values": {"protocol": "tcp", "port": "20:25", "subnet": "10.0.0.0", "subnet_size": 8}},
	}
	want := {{"address": "x", "cidr": "10.0.0.0/8", "protocol": "tcp", "from": 20, "to": 25}}
	builtin.openings == want with input as planned(tc.type, tc.values)
}

test_all_ports[name] if {
	some name, tc in {
		"aws": {"type": "aws_vpc_security_group_ingress_rule", "values": {"cidr_ipv4": "10.0.0.0/8", "ip_protocol": "-1"}},
		"gcp, a protocol": {"type": "google_compute_firewall", "values": {"source_ranges": ["10.0.0.0/8"], "allow": [{"protocol": "all"}]}},
		"digitalocean": {"type": "digitalocean_firewall", "values": {"inbound_rule": [{"source_addresses": ["10.0.0.0/8"]}]}},
		"vultr": {"type": "vultr_firewall_rule", "values": {"subnet": "10.0.0.0", "subnet_size": 8}},
	}
	want := {{"address": "x", "cidr": "10.0.0.0/8", "protocol": "all", "from": 0, "to": 65535}}
	builtin.openings == want with input as planned(tc.type, tc.values)
}

test_what_opens_nothing[name] if {
	some name, tc in {
		"egress": {"type": "google_compute_firewall", "values": {"direction": "EGRESS", "allow": [{"protocol": "all"}]}},
		"disabled": {"type": "google_compute_firewall", "values": {"disabled": true, "allow": [{"protocol": "all"}]}},
		"deny": {"type": "google_compute_firewall", "values": {"source_ranges": ["0.0.0.0/0"], "allow": [], "deny": [{"protocol": "all"}]}},
		"by tag": {"type": "google_compute_firewall", "values": {"source_tags": ["x"], "allow": [{"protocol": "tcp"}]}},
		"aws egress": {"type": "aws_security_group_rule", "values": {"type": "egress", "cidr_blocks": ["0.0.0.0/0"]}},
		"a group": {"type": "aws_vpc_security_group_ingress_rule", "values": {"cidr_ipv4": null, "referenced_security_group_id": "sg-1"}},
	}
	builtin.openings == set() with input as planned(tc.type, tc.values)
}

test_google_without_source_is_for_all if {
	values := {"source_ranges": [], "allow": [{"protocol": "tcp", "ports": ["22"]}]}
	{o.cidr | some o in builtin.openings} == {"0.0.0.0/0", "::/0"} with input as planned("google_compute_firewall", values)
}
