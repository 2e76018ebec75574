policy {
  access {
    ssh_from = ["203.0.113.7/24"]
  }
}
