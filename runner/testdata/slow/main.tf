terraform {
  backend "local" {}
}

resource "terraform_data" "made" {
  input = "x"
}

resource "terraform_data" "slow" {
  input = terraform_data.made.output

  provisioner "local-exec" {
    command = "exec sleep 60"
  }
}
