terraform {
  required_version = ">= 1.6"

  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = "3.1.2"
    }
  }
}

# The kubeconfig is that of KUBE_CONFIG_PATH or KUBE_CONFIG_PATHS; of it comes the context, and nothing of it is here.
provider "helm" {
  kubernetes = {
    config_context = var.region
  }
}
