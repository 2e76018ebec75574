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
    rule "Errors" {
    }
    rule "errors" {
      regex = "(?!x)"
    }
    rule "errors" {
      match  = "x"
      metric = "guage"
      json   = {}
      logfmt = {}
    }
    rule "duration" {
      regex   = "took (?P<seconds>[0-9.]+)"
      metric  = "histogram"
      value   = "second"
      labels  = { instance = "seconds", "a-b" = "seconds", code = "status" }
      buckets = [1, 0.5, "x"]
    }
    rule "no_value" {
      match      = "x"
      metric     = "gauge"
      buckets    = [2, 1]
      max_series = 0
    }
  }
}
