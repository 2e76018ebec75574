package builtin

# Nothing is placed outside of limits.regions.
deny_region contains {"msg": not_allowed(region)} if {
	not is_local
	some region in placed
	outside(region)
}

deny_region contains {"msg": not_allowed(r.values.region), "address": r.address} if {
	not is_local
	some r in resources
	is_string(r.values.region)
	outside(r.values.region)
}

placed contains data.skysail.candidate.region

placed contains input.variables.region.value

is_local if data.skysail.candidate.provider == "local"

outside(region) if {
	globs := data.skysail.limits.regions
	count(globs) > 0
	every g in globs {
		not glob.match(replace(g, "[^", "[!"), null, region)
	}
}

not_allowed(region) := sprintf("region %s is none of limits.regions: %s", [region, concat(", ", data.skysail.limits.regions)])
