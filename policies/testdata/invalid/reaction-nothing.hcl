policy {
  reaction {
    after = "1m"
  }
}
