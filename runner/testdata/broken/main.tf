terraform {
  backend "local" {}
}

resource "terraform_data" "made" {
  input = "x"
}

resource "terraform_data" "broken" {
  input = terraform_data.made.output

  provisioner "local-exec" {
    command = "echo will exceed your droplet limit >&2; exit 3"
  }
}
