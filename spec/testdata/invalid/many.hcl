service "Echo" {
  source {
    container {
    }
    native {
      url    = "ftp://example.com/x"
      sha256 = "1234"
      binary = "/x"
    }
  }
  resources {
    cpus      = 1
    cpu       = 0
    memory_gb = "lots"
  }
  instances = 0
  port "http" {
    number = 99999
  }
  port "http" {
    number = 22
  }
  health {
    http {
      port = "web"
      path = "x"
    }
  }
  env     = { "a-b" = "1", TOKEN = "2" }
  secrets = ["TOKEN"]
}
