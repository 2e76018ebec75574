policy {
  target "hybrid" {
    primary      = "vulture"
    fallback_k8s = "-production"
  }
}
