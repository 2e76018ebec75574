output "instances" {
  description = "The instances: ID and name at the provider, address, SSH access with the pinned host key, health URL, and where the logs are."
  value = [for i in range(var.instances) : {
    id         = "${helm_release.service.id}/${i}"
    name       = "${local.release}-${i}"
    address    = "${local.release}.${local.namespace}.svc"
    ssh_user   = ""
    ssh_port   = 0
    host_key   = ""
    health_url = null
    logs       = "kubernetes:${local.namespace}/${local.release}"
  }]
}

output "health_url" {
  description = "The health URL of the first instance; null when there is none to ask from outside."
  value       = null
}

output "provider_ids" {
  description = "IDs at the provider of everything made, by Terraform resource type."
  value = {
    helm_release = [helm_release.service.id]
  }
}
