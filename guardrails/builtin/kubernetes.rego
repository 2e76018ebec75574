# A release on a cluster: all that it makes is the module's own chart and the
# values in the plan, so these are judged.
package builtin

# values_of are those of a release that can be read.
values_of(r) := v if {
	count(list(r.values, "values")) == 1
	v := yaml.unmarshal(list(r.values, "values")[0])
	is_object(v)
}

releases := of_type("helm_release")

deny_chart contains {"msg": msg, "address": r.address} if {
	some r in releases
	not own_chart(r.values)
	msg := sprintf("installs the chart %v, which is not the one of the bundle", [object.get(r.values, "chart", "")])
}

own_chart(values) if {
	values.chart == "modules/kubernetes/chart"
	object.get(values, "repository", null) == null
}

deny_release_values contains {"msg": "its values can not be read, so that it can not be judged", "address": r.address} if {
	some r in releases
	not values_of(r)
}

deny_release_values contains {"msg": msg, "address": r.address} if {
	some r in releases
	some key in ["set", "set_list", "set_sensitive", "set_wo", "postrender"]
	object.get(r.values, key, null) != null
	msg := sprintf("%s changes what the values say", [key])
}

deny_release_values contains {"msg": "its values are not known before the apply", "address": c.address} if {
	some c in input.resource_changes
	c.type == "helm_release"
	walk(object.get(c.change.after_unknown, "values", false), [_, true])
}

# The chart has its pods run as anybody but root.
deny_root contains {"msg": "the containers run as root", "address": r.address} if {
	some r in releases
	values_of(r).runAsUser == 0
}

openings contains {"address": r.address, "cidr": cidr, "protocol": "tcp", "from": p.number, "to": p.number} if {
	some r in releases
	v := values_of(r)
	some p in list(v, "ports")
	p.public == true
	some cidr in list(object.get(v, "access", {}), "ingress")
}
