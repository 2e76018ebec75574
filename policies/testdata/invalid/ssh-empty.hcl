policy {
  access {
    ssh_from = []
  }
}
