policy {
  providers {
    gpu_providers = ["gpc", "azure"]
  }
}
