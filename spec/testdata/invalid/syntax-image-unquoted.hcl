service "echo" {
  source {
    container {
      image = nginx
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
