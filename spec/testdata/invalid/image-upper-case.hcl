service "echo" {
  source {
    container {
      image = "Nginx:1.28"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
