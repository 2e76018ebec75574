policy {
  failover {
    max_attempts = 0
  }
}
