service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
  port "http" {
    number = 8080
    public = true
  }
  port "metrics" {
    number = 9100
  }
  metrics {
    port    = "metrics"
    timeout = "5s"
  }
}
