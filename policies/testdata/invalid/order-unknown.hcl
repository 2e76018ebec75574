policy {
  providers {
    order = "cheap"
  }
}
