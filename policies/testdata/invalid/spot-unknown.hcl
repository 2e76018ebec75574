policy {
  limits {
    spot = "preferred"
  }
}
