policy {
  kubernetes {
    context = "prod; reboot"
  }
}
