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
    target    = 0.99
    window    = "0d"
    threshold = "1s"
  }
}
