# Credentials are not here: terraform init takes them from the environment, as docs/state.md lists.
terraform {
  backend "kubernetes" {
    host = "https://127.0.0.1:1"
    labels = {
      team = "a"
    }
    load_config_file = false
    namespace        = "states"
    secret_suffix    = "skysail-d4k2m9x7qpb1-a2"
    exec {
      api_version = "client.authentication.k8s.io/v1"
      args        = ["get-token"]
      command     = "true"
    }
  }
}
