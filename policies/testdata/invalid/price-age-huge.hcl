policy {
  limits {
    max_price_age = "4000d"
  }
}
