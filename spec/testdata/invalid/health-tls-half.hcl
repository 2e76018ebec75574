service "echo" {
  source {
    container {
      image = "docker.io/library/nginx:1.28"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 1
  }
  port "http" {
    number = 80
  }
  health {
    http {
      port = "http"
      scheme = "https"
      tls {
        cert_file = "client.pem"
        min_version = "1.0"
        min_days_left = -1
      }
    }
  }
}
