service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
}
