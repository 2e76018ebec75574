service "echo" {
  source {
    container {
      image = null
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
