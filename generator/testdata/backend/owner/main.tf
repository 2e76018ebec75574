# Made by skysail: who runs the deployment of this name. It is no resource of any cloud.
terraform {
  required_version = ">= 1.6"
}

resource "terraform_data" "skysail_owner" {
  input = {
    deployment   = "d4k2m9x7qpb1"
    holder       = "me@host"
    installation = ""
    name         = "echo"
    since        = "2026-01-02T03:04:05Z"
  }

  # Who comes second changes nothing, and reads who was first.
  lifecycle {
    ignore_changes = [input]
  }
}
