policy {
  target {
    primary      = "gcp"
    fallback_k8s = "production"
  }
}
