policy {
  limits {
    ttl = ""
  }
}
