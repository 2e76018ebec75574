package builtin

# What can carry the deployment's tag has it: by the tag the sweep finds what a
# crash left.
deny_untagged contains {"msg": msg, "address": r.address} if {
	id := data.skysail.deployment
	some r in resources
	carries(r)
	not tagged(r, id)
	msg := sprintf("has no tag or label of deployment %s, so that a sweep could not find it", [id])
}

carries(r) if {
	startswith(r.type, "aws_")
	object.get(r.values, "tags", "none") != "none"
}

carries(r) if r.type in {
	"google_compute_instance", "google_compute_disk", "helm_release", "digitalocean_droplet", "digitalocean_firewall",
	"digitalocean_volume", "digitalocean_tag", "vultr_instance", "local_service",
}

tagged(r, id) if r.values.tags["skysail-deployment"] == id

tagged(r, id) if r.values.labels["skysail-deployment"] == id

tagged(r, id) if sprintf("skysail-deployment:%s", [id]) in r.values.tags

tagged(r, id) if {
	r.type == "digitalocean_tag"
	r.values.name == sprintf("skysail-deployment:%s", [id])
}

tagged(r, id) if {
	r.type == "local_service"
	r.values.deployment_id == id
}

# The chart puts it on every object as the label skysail.dev/deployment.
tagged(r, id) if {
	r.type == "helm_release"
	r.values.name == sprintf("skysail-%s", [id])
	values_of(r).deployment == id
}
