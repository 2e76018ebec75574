service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu        = 4
    memory_gb  = 16
    storage_gb = 40
    arch       = "amd64"
    gpu {
      count     = 1
      model     = "L4"
      memory_gb = 24
    }
  }
  instances = 3
  port "http" {
    number = 8080
    public = true
  }
  port "metrics" {
    number = 9090
  }
  health {
    http {
      port = "http"
      path = "/healthz?deep=1"
    }
  }
  disk {
    size_gb = 100
    path    = "/data"
  }
  logs {
    file "/var/log/echo/access.log" {
    }
    file "/var/lib/docker/containers/echo/echo-json.log" {
      format = "docker"
    }
    rule "errors" {
      json   = { level = "error" }
      labels = { code = "http.status" }
    }
    rule "request_seconds" {
      regex   = "took (?P<seconds>[0-9.]+)s"
      metric  = "histogram"
      value   = "seconds"
      buckets = [0.1, 1, 10]
    }
    retention {
      size_mb = 16
      days    = 3
    }
  }
  objective "availability" {
    target = 0.999
    window = "30d"
  }
  objective "latency" {
    target    = 0.95
    window    = "1d12h"
    threshold = "300ms"
  }
  env     = { LOG_LEVEL = "info", RETRIES = 3, VERBOSE = true, EMPTY = "", REGION = env("REGION") }
  secrets = ["API_KEY", "_TOKEN2"]
}
