service "echo" {
  source {
    native {
      url    = ""
      sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      binary = "echo"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
}
