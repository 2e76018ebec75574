terraform {
  required_version = ">= 1.6"

  required_providers {
    local = {
      source  = "skysail.internal/skysail/local"
      version = "1.0.0"
    }
  }
}

# skysail serves this provider itself and tells it where services live.
provider "local" {
}
