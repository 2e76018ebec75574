service "echo" {
  source {
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
