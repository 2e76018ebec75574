policy {
  failover {
    max_attempts = 1000
  }
}
