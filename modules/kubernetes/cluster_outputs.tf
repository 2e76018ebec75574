output "release" {
  description = "The name of the Helm release, and of every object in it."
  value       = helm_release.service.name
}

output "namespace" {
  description = "The namespace of the release."
  value       = helm_release.service.namespace
}

output "context" {
  description = "The kubeconfig context of the cluster."
  value       = local.context
}
