service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
  port "https" {
    number = 8443
    public = true
  }
  health {
    timeout           = "5s"
    success_threshold = 2
    failure_threshold = 5
    vantage           = ["local", "ssh"]
    http {
      port             = "https"
      path             = "/healthz"
      scheme           = "https"
      method           = "POST"
      host             = "www.example.com"
      http_version     = "2"
      headers          = { Accept = "application/json" }
      secret_headers   = { Authorization = "HEALTH_TOKEN" }
      redirects        = 3
      status           = ["200-299", 404]
      header_matches   = { Content-Type = "^application/json" }
      body_matches     = ["\"ready\""]
      body_not_matches = ["(?i)degraded"]
      json             = ["$.status == \"ok\" && $.queue.depth < 100"]
      tls {
        ca_file       = "ca.pem"
        cert_file     = "client.pem"
        key_file      = "/etc/ssl/private/client.key"
        server_name   = "www.example.com"
        min_version   = "1.3"
        min_days_left = 14
      }
    }
  }
}
