policy {
  target "hybrid" {
    primary      = "gcp"
    fallback_k8s = "a"
  }
  target "hybrid" {
    primary      = "aws"
    fallback_k8s = "b"
  }
}
