policy {
  thresholds {
    cpu = "8"
  }
}
