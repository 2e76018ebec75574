service "echo" {
  source {
    native {
      url    = "https://example.com/echo.tar.gz"
      sha256 = file("dist/echo.tar.gz.sha256")
      binary = "echo"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
