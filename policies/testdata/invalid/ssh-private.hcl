policy {
  access {
    ssh_from = [env("OFFICE")]
  }
}
