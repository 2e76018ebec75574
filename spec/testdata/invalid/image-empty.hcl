service "echo" {
  source {
    container {
      image = ""
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
