service "echo" {
  source {
    container {
      image = "nginx; rm -rf /"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
