package builtin

# Who is let in must be in the plan, or it can not be judged.
deny_unknown_source contains {"msg": msg, "address": o.address} if {
	some o in openings
	not readable(o.cidr)
	msg := sprintf("lets in %v, which is no network that can be judged", [o.cidr])
}

deny_unknown_source contains {"msg": "lets in a prefix list, which can not be judged", "address": r.address} if {
	some r in of_type("aws_vpc_security_group_ingress_rule")
	is_string(r.values.prefix_list_id)
}

deny_unknown_source contains {"msg": msg, "address": c.address} if {
	some c in input.resource_changes
	c.type in {
		"aws_vpc_security_group_ingress_rule", "aws_security_group_rule", "aws_security_group",
		"google_compute_firewall", "digitalocean_firewall", "vultr_firewall_rule",
	}
	not c.change.after.direction == "EGRESS"
	walk(c.change.after_unknown, [path, true])
	some key in path
	key in {
		"cidr_ipv4", "cidr_ipv6", "cidr_blocks", "ipv6_cidr_blocks", "source_ranges", "source_addresses", "subnet",
		"subnet_size", "from_port", "to_port", "port", "ports", "port_range", "protocol",
	}
	msg := sprintf("%s is not known before the apply", [key])
}
