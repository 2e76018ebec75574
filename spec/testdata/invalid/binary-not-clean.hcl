service "echo" {
  source {
    native {
      url    = "https://example.com/echo.tar.gz"
      sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      binary = "./bin//echo"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
