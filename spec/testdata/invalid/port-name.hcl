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
  port "HTTP Port" {
    number = 8080
  }
  port "a-name-that-is-too-long" {
    number = 8081
  }
  port "8082" {
    number = 8082
  }
}
