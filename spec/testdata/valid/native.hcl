service "echo" {
  source {
    native {
      url    = "https://example.com/echo-${env("REGION")}.tar.gz?token=a&b=c"
      sha256 = file("echo.sha256")
      binary = "bin/echo"
      args   = ["--listen", ":8080", "--name=two words"]
    }
  }
  resources {
    cpu       = env("CPU")
    memory_gb = 0.5
    arch      = "arm64"
    gpu {
    }
  }
  port "http" {
    number = 8080
    public = env("PUBLIC")
  }
  health {
    http {
      port = "http"
    }
  }
}
