policy {
  target "hybrid" {
    primary      = "local"
    fallback_k8s = "production"
  }
}
