policy {
  providers {
    gpu = ["gcp"]
  }
}
