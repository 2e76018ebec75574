# What each provider's firewall resources let in, in one form: an opening has
# address, cidr, protocol, and the first and last port.
package builtin

openings contains opening(r.address, r.values[key], r.values, "ip_protocol") if {
	some r in of_type("aws_vpc_security_group_ingress_rule")
	some key in ["cidr_ipv4", "cidr_ipv6"]
	r.values[key] != null
}

openings contains opening(r.address, cidr, rule, "protocol") if {
	some type in ["aws_security_group", "aws_default_security_group"]
	some r in of_type(type)
	some rule in list(r.values, "ingress")
	some key in ["cidr_blocks", "ipv6_cidr_blocks"]
	some cidr in list(rule, key)
}

openings contains opening(r.address, cidr, r.values, "protocol") if {
	some r in of_type("aws_security_group_rule")
	r.values.type == "ingress"
	some key in ["cidr_blocks", "ipv6_cidr_blocks"]
	some cidr in list(r.values, key)
}

openings contains range(r.address, cidr, allow, port, "-") if {
	some r in of_type("google_compute_firewall")
	not r.values.disabled == true
	not r.values.direction == "EGRESS"
	some allow in list(r.values, "allow")
	some cidr in google_sources(r.values)
	some port in google_ports(allow)
}

openings contains range(r.address, cidr, rule, object.get(rule, "port_range", ""), "-") if {
	some r in of_type("digitalocean_firewall")
	some rule in list(r.values, "inbound_rule")
	some cidr in list(rule, "source_addresses")
}

openings contains range(r.address, cidr, r.values, object.get(r.values, "port", ""), ":") if {
	some r in of_type("vultr_firewall_rule")
	cidr := sprintf("%v/%v", [object.get(r.values, "subnet", ""), object.get(r.values, "subnet_size", "")])
}

# Google takes a rule without any source as one for all.
google_sources(values) := sources if {
	sources := list(values, "source_ranges")
	count(sources) > 0
}

google_sources(values) := ["0.0.0.0/0", "::/0"] if {
	every key in ["source_ranges", "source_tags", "source_service_accounts"] {
		count(list(values, key)) == 0
	}
}

# A rule without ports is for all of them.
google_ports(allow) := ports if {
	ports := list(allow, "ports")
	count(ports) > 0
}

google_ports(allow) := [""] if count(list(allow, "ports")) == 0

list(values, key) := v if {
	v := object.get(values, key, [])
	is_array(v)
}

list(values, key) := [] if not is_array(object.get(values, key, []))

# opening is for AWS, which has from_port and to_port.
opening(address, cidr, rule, key) := {"address": address, "cidr": cidr, "protocol": p, "from": from, "to": to} if {
	p := protocol(rule, key)
	[from, to] := between(p, object.get(rule, "from_port", null), object.get(rule, "to_port", null))
}

# range is for the others, which write "22", or "20-25" with a separator.
range(address, cidr, rule, port, sep) := {"address": address, "cidr": cidr, "protocol": p, "from": from, "to": to} if {
	p := protocol(rule, "protocol")
	ends := numbers(port, sep)
	[from, to] := between(p, ends[0], ends[count(ends) - 1])
}

protocol(rule, key) := object.get({"6": "tcp", "17": "udp", "1": "icmp", "-1": "all", "null": "all"}, name, name) if {
	name := lower(sprintf("%v", [object.get(rule, key, "all")]))
}

# What names no port is for all of them.
between(protocol, from, to) := [from, to] if ported(protocol, from, to)

between(protocol, from, to) := [0, 65535] if not ported(protocol, from, to)

ported(protocol, from, to) if {
	protocol != "all"
	is_number(from)
	is_number(to)
	to > 0
}

numbers(text, sep) := [to_number(n) | some n in split(text, sep)] if is_range(text)

numbers(text, _) := [null] if not is_range(text)

is_range(text) if {
	is_string(text)
	regex.match(`^[0-9]+([-:][0-9]+)?$`, text)
}
