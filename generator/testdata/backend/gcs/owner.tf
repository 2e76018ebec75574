# Credentials are not here: terraform init takes them from the environment, as docs/state.md lists.
terraform {
  backend "gcs" {
    bucket                                = "states"
    impersonate_service_account_delegates = []
    prefix                                = "skysail/echo/owner"
    storage_custom_endpoint               = "http://127.0.0.1:1/storage/v1/"
  }
}
