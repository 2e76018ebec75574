# What the other files use: the plan's resources, and how wide a network is.
package builtin

# A plan tells what will be in two places; a rule holds for both, so that
# neither can be edited alone.
resources contains {"address": c.address, "type": c.type, "values": c.change.after} if {
	some c in input.resource_changes
	object.get(c, "mode", "managed") == "managed"
	is_object(c.change.after)
}

resources contains {"address": r.address, "type": r.type, "values": r.values} if {
	walk(input.planned_values, [_, r])
	is_object(r.values)
	is_string(r.type)
	object.get(r, "mode", "managed") == "managed"
}

# of_type are the resources of a Terraform type.
of_type(type) := {r | some r in resources; r.type == type}

# Nearly the whole internet: the widths that policies refuse in access.ssh_from.
world(cidr) if {
	not contains(cidr, ":")
	bits(cidr) < 8
}

world(cidr) if {
	contains(cidr, ":")
	bits(cidr) < 16
	not private(cidr)
}

# IPv4 that is written as IPv6.
world(cidr) if {
	startswith(lower(cidr), "::ffff:")
	bits(cidr) >= 96
	bits(cidr) < 104
}

# fc00::/7 is private as a whole.
private(cidr) if {
	regex.match(`^(?i)f[cd][0-9a-f]{2}:`, cidr)
	bits(cidr) >= 7
}

bits(cidr) := to_number(split(cidr, "/")[1]) if contains(cidr, "/")

bits(cidr) := 128 if not contains(cidr, "/")

# readable says that an address can be judged.
readable(cidr) if {
	is_string(cidr)
	regex.match(`^[0-9a-fA-F:.]+(/[0-9]{1,3})?$`, cidr)
}
