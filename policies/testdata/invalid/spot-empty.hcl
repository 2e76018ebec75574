policy {
  limits {
    spot = ""
  }
}
