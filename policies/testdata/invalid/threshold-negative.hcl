policy {
  thresholds {
    cpu       = -1
    memory_gb = -0.5
    instances = -3
  }
}
