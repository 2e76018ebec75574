policy {
  target "kubernetes" {
    primary = "gcp"
  }
}
