policy {
  limits {
    regions = []
  }
}
