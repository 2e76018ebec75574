service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 1
  }
  port "http" {
    number = 8080
  }
  health {
    http {
      port = "http"
    }
  }
  objective "availability" {
    target    = 1
    window    = "30 days"
    threshold = "1s"
  }
  objective "availability" {
    target = 99.9
    window = "30m"
  }
  objective "latency" {
    target = 0
    window = 30
  }
  objective "latencies" {
    targets = 0.9
  }
}
