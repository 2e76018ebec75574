service "echo" {
  # café
}
