policy {
  kubernetes {
    contexts          = ["production", "arn:aws:eks:eu-central-1:123456789012:cluster/main"]
    namespace         = "team-a"
    create_namespace  = true
    above_instances   = 3
    image_pull_secret = "registry"
    service_type      = "LoadBalancer"
    ingress_from      = ["0.0.0.0/0", "2001:db8::/48"]
    run_as_user       = 1000
    read_only_root    = true
    monitor {
      labels = { release = "prometheus" }
    }
  }
  target "hybrid" {
    primary  = "kubernetes"
    fallback = "gcp"
  }
  failover {
    provider_timeout = { kubernetes = "5m" }
  }
}
