service "echo" {
  source {
    native {
      url    = "https://example.com/echo.tar.gz"
      sha256 = file("not-utf8.hcl")
      binary = "echo"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
