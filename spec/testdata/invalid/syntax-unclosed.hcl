service "echo" {
  source {
