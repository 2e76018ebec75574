service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu       = env("NOT_A_NUMBER")
    memory_gb = env("INFINITE")
  }
}
