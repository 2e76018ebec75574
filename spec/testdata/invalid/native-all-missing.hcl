service "echo" {
  source {
    native {
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
