package builtin

# The world reaches no port that the service does not declare as public.
deny_undeclared_port contains {"msg": msg, "address": o.address} if {
	service := data.skysail.service
	declared := {p.number | some p in service.ports; p.public}
	some o in openings
	o.protocol in {"tcp", "udp", "all"}
	readable(o.cidr)
	world(o.cidr)
	not only_declared(o, declared)
	msg := sprintf("%s is open to %s, and the service declares no such public port", [ports(o), o.cidr])
}

only_declared(o, declared) if {
	o.from == o.to
	o.protocol == "tcp"
	o.from in declared
}

# 22 has a rule of its own that says why.
only_declared(o, _) if {
	o.from == 22
	o.to == 22
}

ports(o) := sprintf("port %d/%s", [o.from, o.protocol]) if o.from == o.to

ports(o) := sprintf("ports %d-%d/%s", [o.from, o.to, o.protocol]) if o.from != o.to
