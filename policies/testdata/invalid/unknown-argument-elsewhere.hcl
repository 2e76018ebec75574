policy {
  max_hourly_usd = 5
}
