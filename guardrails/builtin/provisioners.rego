package builtin

# A plan makes resources; it runs no programs, here or on an instance.
deny_provisioner contains {"msg": msg, "address": r.address} if {
	walk(input.configuration.root_module, [_, r])
	some p in r.provisioners
	msg := sprintf("has a provisioner (%s): a plan runs no programs", [p.type])
}

deny_provisioner contains {"msg": "runs a program while it is planned", "address": r.address} if {
	walk(input.configuration.root_module, [_, r])
	r.mode == "data"
	r.type == "external"
}
