policy {
  providers {
    order = ""
  }
}
