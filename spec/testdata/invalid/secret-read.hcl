service "echo" {
  source {
    native {
      url    = "https://example.com/echo.tar.gz"
      sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      binary = "echo"
      args   = ["--key", env("API_KEY")]
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
  secrets = ["API_KEY"]
}
