policy {
  providers {
    cpu_intensive = []
  }
}
