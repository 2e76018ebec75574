package builtin

# Only the Terraform providers of the clouds, each with the version that was
# tested.
deny_provider contains {"msg": sprintf("%s is no provider that skysail uses", [name])} if {
	pins := data.skysail.providers
	some name in providers
	not pins[short(name)]
}

deny_provider contains {"msg": msg} if {
	pins := data.skysail.providers
	some key, p in input.configuration.provider_config
	not contains(key, ":") # a module's; its range holds the root's exact version
	version := pins[short(p.full_name)]
	pinned := object.get(p, "version_constraint", "any version")
	pinned != version
	msg := sprintf("%s is not pinned to %s: %s", [p.full_name, version, pinned])
}

providers contains p.full_name if some p in input.configuration.provider_config

providers contains c.provider_name if some c in input.resource_changes

# Terraform's registry and OpenTofu's have the same providers.
short(name) := trim_prefix(trim_prefix(name, "registry.terraform.io/"), "registry.opentofu.org/")
