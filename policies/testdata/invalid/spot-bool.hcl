policy {
  limits {
    spot = true
  }
}
