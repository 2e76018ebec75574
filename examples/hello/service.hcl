# A small native service: the program beside this file, packed by
#   go run ./examples/hello/pack
# and then
#   skysail deploy examples/hello/service.hcl --auto-approve
#   skysail status hello
#   skysail logs hello
#   skysail destroy hello --auto-approve

service "hello" {
  source {
    native {
      url    = "dist/hello.tar.gz"
      sha256 = file("dist/hello.tar.gz.sha256")
      binary = "hello"
      args   = ["--listen", ":8080"]
    }
  }

  resources {
    cpu       = 1
    memory_gb = 1
  }

  port "http" {
    number = 8080
    public = true
  }

  health {
    http {
      port = "http"
      path = "/healthz"
    }
  }
}
