terraform {
  required_version = ">= 1.6"

  required_providers {
    local = {
      source  = "skysail.internal/skysail/local"
      version = "1.0.0"
    }
  }
}
