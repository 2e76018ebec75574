output "instances" {
  description = "The instances: ID and name at the provider, address, SSH access with the pinned host key, health URL, and where the logs are."
  value       = module.service.instances
}

output "health_url" {
  description = "The health URL of the first instance; null when there is none to ask from outside."
  value       = module.service.health_url
}

output "provider_ids" {
  description = "IDs at the provider of everything made, by Terraform resource type."
  value       = module.service.provider_ids
}

output "release" {
  description = "The name of the Helm release, and of every object in it."
  value       = module.service.release
}

output "namespace" {
  description = "The namespace of the release."
  value       = module.service.namespace
}

output "context" {
  description = "The kubeconfig context of the cluster."
  value       = module.service.context
}
