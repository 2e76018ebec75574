package builtin

# No firewall lets the world in by SSH.
deny_ssh_open contains {"msg": msg, "address": o.address} if {
	some o in openings
	o.protocol in {"tcp", "all"}
	o.from <= 22
	o.to >= 22
	readable(o.cidr)
	world(o.cidr)
	msg := sprintf("SSH (port 22) is open to %s: nearly the whole internet could try to log in", [o.cidr])
}
