service "echo" {
  source {
    native {
      url    = "https://example.com/echo.tar.gz"
      sha256 = "0000000000000000000000000000000000000000000000000000000000000000  echo.tar.gz"
      binary = "echo"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
