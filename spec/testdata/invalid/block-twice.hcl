service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
  resources {
    cpu       = 4
    memory_gb = 8
    ram       = 9
  }
}
