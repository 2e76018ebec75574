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
      secret_headers = { Authorization = "Bearer hunter2" }
    }
  }
}
