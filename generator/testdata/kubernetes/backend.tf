# State holds private values, so it lies beside this folder: terraform init -backend-config="path=…/private/terraform.tfstate"
terraform {
  backend "local" {
  }
}
