service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 1
  }
  objective "availability" {
    target = 0.99
    window = "7d"
  }
}
