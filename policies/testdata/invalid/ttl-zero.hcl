policy {
  limits {
    ttl = "0s"
  }
}
