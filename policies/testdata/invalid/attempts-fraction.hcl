policy {
  failover {
    max_attempts = 1.5
  }
}
