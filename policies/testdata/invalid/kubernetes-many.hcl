policy {
  thresholds {
    instances = 5
  }
  kubernetes {
    context           = "production"
    contexts          = ["production", "a b", "production"]
    above_instances   = 20
    image_pull_secret = "Registry"
    service_type      = "Loadbalancer"
    ingress_from      = ["10.0.0.1/8", "world", "10.0.0.0/8", "10.0.0.0/8"]
    run_as_user       = 0
    monitor {
      kind   = "monitor"
      port   = "Metrics port"
      path   = "metrics"
      labels = { "a b" = "c", release = "d e" }
    }
  }
}
