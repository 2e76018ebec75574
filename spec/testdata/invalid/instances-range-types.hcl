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
  instances = { min = "2", max = 2.5 }
}
