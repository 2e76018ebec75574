service "echo" {
  source {
    container {
      image = 5
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
