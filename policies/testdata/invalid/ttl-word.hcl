policy {
  limits {
    ttl = "one day"
  }
}
