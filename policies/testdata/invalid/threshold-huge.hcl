policy {
  thresholds {
    cpu       = 1e12
    memory_gb = 1e300
  }
}
