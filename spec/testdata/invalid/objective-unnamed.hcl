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
  objective {
    target = 0.99
    window = "7d"
  }
}
