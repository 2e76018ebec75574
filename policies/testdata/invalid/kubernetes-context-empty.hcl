policy {
  kubernetes {
    context = ""
  }
}
