policy {
  limits {
    max_hourly_usd = 10000000
  }
}
