policy {
  target "hybird" {
    primary      = "gcp"
    fallback_k8s = "production"
  }
}
