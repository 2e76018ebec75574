service "echo" {
  source {
    container {
      image = "https://docker.io/library/nginx:1.28"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
