terraform {
  backend "local" {}
}

variable "name" {
  type = string
}

variable "key" {
  type      = string
  sensitive = true
}

resource "terraform_data" "this" {
  count = 2
  input = "${var.name}-${count.index}"
}

resource "terraform_data" "key" {
  input = var.key
}

output "names" {
  value = terraform_data.this[*].output
}

output "key" {
  value     = terraform_data.key.output
  sensitive = true
}
