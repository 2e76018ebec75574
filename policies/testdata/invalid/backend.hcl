policy {
  backend "s4" {
    bucket = "states"
  }
}
