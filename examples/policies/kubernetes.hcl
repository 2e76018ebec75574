# Everything goes to clusters of one's own, the first that has room; contexts are
# those that `kubectl config get-contexts -o name` prints.
#   skysail validate examples/policies/kubernetes.hcl
# The rights that it takes are in docs/providers/kubernetes-role.yaml.

policy {
  target "kubernetes" {
  }

  kubernetes {
    contexts  = ["production", "staging"]
    namespace = "blueprints"

    service_type = "LoadBalancer"     # public ports get an address of the cloud's
    ingress_from = ["203.0.113.0/24"] # and only the office reaches them

    # image_pull_secret = "registry"
    # create_namespace  = true
  }
}
