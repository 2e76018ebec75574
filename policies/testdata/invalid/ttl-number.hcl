policy {
  limits {
    ttl = 24
  }
}
