policy {
  limits {
    ttl = "5ms"
  }
}
