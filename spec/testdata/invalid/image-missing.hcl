service "echo" {
  source {
    container {
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
