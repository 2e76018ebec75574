policy {
  thresholds {
    instances = 2.5
  }
}
