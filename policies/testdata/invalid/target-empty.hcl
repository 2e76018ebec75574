policy {
  target "hybrid" {
    # nothing
  }
}
