policy {
  providers {
    gpu_providers = ["gcp", "gcp"]
    order         = "cheapest first"
  }
  thresholds {
    cpu = -8
  }
  kubernetes {
    namespace = "a.b"
  }
  target "hybrid" {
    primary = "local"
  }
  limits {
    ttl     = "1 day"
    spot    = "maybe"
    regions = ["["]
  }
  failover {
    max_attempts = 0
  }
  access {
    ssh_from = ["0.0.0.0/0"]
    ssh_to   = []
  }
}
