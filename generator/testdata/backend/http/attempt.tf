# Credentials are not here: terraform init takes them from the environment, as docs/state.md lists.
terraform {
  backend "http" {
    address        = "http://127.0.0.1:1/$${x}/echo-d4k2m9x7qpb1-a2"
    lock_address   = "http://127.0.0.1:1/echo-d4k2m9x7qpb1-a2/lock"
    lock_method    = "POST"
    retry_max      = 0
    unlock_address = "http://127.0.0.1:1/echo-d4k2m9x7qpb1-a2/lock"
  }
}
