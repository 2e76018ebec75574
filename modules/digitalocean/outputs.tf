output "instances" {
  description = "The instances: ID and name at the provider, address, SSH access with the pinned host key, health URL, and where the logs are."
  value = [for i, r in digitalocean_droplet.instance : {
    id         = r.id
    name       = r.name
    address    = r.ipv4_address
    ssh_user   = "skysail"
    ssh_port   = 22
    host_key   = trimspace(nonsensitive(var.ssh_host_keys[i].public_key))
    health_url = local.health_path == null ? null : "http://${r.ipv4_address}${local.health_path}"
    logs       = "journald:skysail-${var.name}.service"
  }]
}

output "health_url" {
  description = "The health URL of the first instance; null when there is none to ask from outside."
  value       = local.health_path == null ? null : "http://${digitalocean_droplet.instance[0].ipv4_address}${local.health_path}"
}

output "provider_ids" {
  description = "IDs at the provider of everything made, by Terraform resource type."
  value = {
    digitalocean_droplet  = digitalocean_droplet.instance[*].id
    digitalocean_firewall = [digitalocean_firewall.service.id]
    digitalocean_ssh_key  = [digitalocean_ssh_key.client.id]
    digitalocean_tag      = [digitalocean_tag.deployment.id]
    digitalocean_volume   = digitalocean_volume.data[*].id
  }
}
