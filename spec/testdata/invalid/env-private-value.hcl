service "echo" {
  source {
    container {
      image = env("TOKEN")
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
  env = {
    KEY = env("TOKEN_LINES")
  }
}
