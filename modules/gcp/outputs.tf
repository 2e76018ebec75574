output "instances" {
  description = "The instances: ID and name at the provider, address, SSH access with the pinned host key, health URL, and where the logs are."
  value = [for i, r in google_compute_instance.instance : {
    id         = r.id
    name       = r.name
    address    = local.addresses[i]
    ssh_user   = "skysail"
    ssh_port   = 22
    host_key   = trimspace(nonsensitive(var.ssh_host_keys[i].public_key))
    health_url = local.health_path == null ? null : "http://${local.addresses[i]}${local.health_path}"
    logs       = "journald:skysail-${var.name}.service"
  }]
}

output "health_url" {
  description = "The health URL of the first instance; null when there is none to ask from outside."
  value       = local.health_path == null ? null : "http://${local.addresses[0]}${local.health_path}"
}

output "provider_ids" {
  description = "IDs at the provider of everything made, by Terraform resource type."
  value = {
    google_compute_instance = google_compute_instance.instance[*].id
    google_compute_disk     = google_compute_disk.data[*].id
    google_compute_firewall = concat(
      [for k in sort(keys(google_compute_firewall.inbound)) : google_compute_firewall.inbound[k].id],
      [google_compute_firewall.closed.id, google_compute_firewall.outbound.id],
    )
  }
}
