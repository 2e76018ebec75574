# A cloud first, and a cluster of one's own when the cloud has no room. The
# names of clusters are those that `kubectl config get-contexts` prints.
#   skysail validate examples/policies/hybrid.hcl
# The other way round: primary = "kubernetes" and fallback = "vultr".

policy {
  target "hybrid" {
    primary      = "vultr"
    fallback_k8s = "production"
  }

  kubernetes {
    context   = "production"
    namespace = "blueprints"
  }

  thresholds {
    instances = 10 # above that it goes to the cluster at once
  }

  access {
    ssh_from = ["203.0.113.0/24"] # the office
  }
}
