# A cloud first, and a cluster of one's own when the cloud has no room. Both
# names of the cluster are those that `kubectl config get-contexts` prints.
#   skysail validate examples/policies/hybrid.hcl
# This version of skysail refuses the cluster in selection, with the reason; the
# cloud is used all the same.

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
