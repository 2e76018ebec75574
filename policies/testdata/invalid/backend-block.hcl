policy {
  backend "kubernetes" {
    secret_suffix = 4
    exec {
      command = "aws"
    }
  }
}
