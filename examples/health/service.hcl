# A service that is asked in detail: over a private port, from the instance
# itself through SSH, with a condition on the JSON that it answers. Three
# failures in a row count, and objectives say how many are too many;
# docs/qos.md has all fields. Try it with
#   skysail deploy examples/health/service.hcl --remote --sandbox --auto-approve
#   skysail qos watched
#   skysail destroy watched --auto-approve

service "watched" {
  source {
    native {
      url    = "../hello/dist/hello.tar.gz"
      sha256 = file("../hello/dist/hello.tar.gz.sha256")
      binary = "hello"
      args   = ["--listen", ":8090"]
    }
  }

  resources {
    cpu       = 1
    memory_gb = 1
  }

  port "http" {
    number = 8090
  }

  health {
    timeout           = "5s"
    success_threshold = 1
    failure_threshold = 3
    http {
      port           = "http"
      path           = "/healthz"
      status         = ["200"]
      headers        = { Accept = "application/json" }
      header_matches = { Content-Type = "^text/plain" }
      body_matches   = ["^ok"]
    }
  }

  objective "availability" {
    target = 0.999
    window = "30d"
  }
  objective "latency" {
    target    = 0.99
    window    = "7d"
    threshold = "250ms"
  }
}
