output "instances" {
  description = "The instances: ID and name at the provider, address, SSH access with the pinned host key, health URL, and where the logs are."
  value = [for r in local_service.instance : {
    id         = r.id
    name       = r.name
    address    = r.address
    ssh_user   = ""
    ssh_port   = 0
    host_key   = ""
    health_url = var.service.health == null ? null : "http://${r.address}:${var.service.health.port}${var.service.health.path}"
    logs       = "file:${r.log_file}"
  }]
}

output "health_url" {
  description = "The health URL of the first instance; null when there is none to ask from outside."
  value       = var.service.health == null ? null : "http://${local_service.instance[0].address}:${var.service.health.port}${var.service.health.path}"
}

output "provider_ids" {
  description = "IDs at the provider of everything made, by Terraform resource type."
  value = {
    local_service = local_service.instance[*].id
  }
}
