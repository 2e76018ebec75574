# Credentials are not here: terraform init takes them from the environment, as docs/state.md lists.
terraform {
  backend "azurerm" {
    container_name       = "tf"
    key                  = "skysail/echo/d4k2m9x7qpb1/attempt-2.tfstate"
    metadata_host        = "127.0.0.1:1"
    storage_account_name = "states"
    use_cli              = false
  }
}
