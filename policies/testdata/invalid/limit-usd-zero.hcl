policy {
  limits {
    max_hourly_usd = 0
  }
}
