service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 1
  }
  logs {
    file "access.log" {
    }
    file "/var/log/echo/*.log" {
      format = "json"
    }
    file "/var/log/echo/access.log.1.gz" {
    }
    file "/var/log/echo/a.log" {
      follow = true
    }
    file "/var/log/echo/a.log" {
    }
    retention {
      size_mb = 0
      days    = 10000
    }
  }
}
