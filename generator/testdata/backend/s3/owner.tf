# Credentials are not here: terraform init takes them from the environment, as docs/state.md lists.
terraform {
  backend "s3" {
    bucket  = "states"
    encrypt = true
    endpoints = {
      s3 = "http://127.0.0.1:1"
    }
    forbidden_account_ids       = ["123456789012"]
    key                         = "team/echo/owner.tfstate"
    max_retries                 = 1
    region                      = "eu-central-1"
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_requesting_account_id  = true
    use_lockfile                = true
  }
}
