policy {
  providers {
    cpu_intensive = "vultr"
  }
}
