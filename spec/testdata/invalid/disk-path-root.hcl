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
  disk {
    size_gb = 100
    path    = "/"
  }
}
