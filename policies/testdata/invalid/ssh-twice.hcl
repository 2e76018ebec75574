policy {
  access {
    ssh_from = ["203.0.113.0/24", "203.0.113.0/24"]
  }
}
