policy {
  limits {
    regions = ["us-[", "eu west", "", "[z-a]"]
  }
}
