policy {
  limits {
    regions = ["us-*", "us-*"]
  }
}
