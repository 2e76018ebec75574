policy {
  target "hybrid" {
    primary      = "kubernetes"
    fallback_k8s = "production"
    fallback     = "kubernetes"
  }
}
