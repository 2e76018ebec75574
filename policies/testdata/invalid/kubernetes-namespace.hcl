policy {
  kubernetes {
    namespace = "Blue_Prints"
  }
}
