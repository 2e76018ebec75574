# A service that needs many vCPUs, more than the 8 of the policy's threshold:
# it falls under cpu_intensive, where Vultr comes first. It runs the program
# of ../hello, packed by
#   go run ./examples/hello/pack
# See where it would go, and why:
#   skysail select examples/cpu-heavy/service.hcl --policy examples/policies/new-york.hcl --explain

service "cruncher" {
  source {
    native {
      url    = "../hello/dist/hello.tar.gz"
      sha256 = file("../hello/dist/hello.tar.gz.sha256")
      binary = "hello"
      args   = ["--listen", ":8081"]
    }
  }

  resources {
    cpu        = 12
    memory_gb  = 24
    storage_gb = 40
  }

  port "http" {
    number = 8081
    public = true
  }

  health {
    http {
      port = "http"
      path = "/healthz"
    }
  }
}
