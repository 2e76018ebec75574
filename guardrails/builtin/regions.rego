package builtin

# Nothing is placed outside of limits.regions, which speak of clouds: this
# machine and clusters are named one by one.
deny_region contains {"msg": not_allowed(region)} if {
	not is_named
	some region in placed
	outside(region)
}

deny_region contains {"msg": not_allowed(r.values.region), "address": r.address} if {
	not is_named
	some r in resources
	is_string(r.values.region)
	outside(r.values.region)
}

placed contains data.skysail.candidate.region

placed contains input.variables.region.value

is_named if data.skysail.candidate.provider in {"local", "kubernetes"}

# A plan alone tells it by its only release.
is_named if {
	count(releases) > 0
	count(resources) == count(releases)
}

outside(region) if {
	globs := data.skysail.limits.regions
	count(globs) > 0
	every g in globs {
		not glob.match(replace(g, "[^", "[!"), null, region)
	}
}

not_allowed(region) := sprintf("region %s is none of limits.regions: %s", [region, concat(", ", data.skysail.limits.regions)])
