terraform {
  required_version = ">= 1.6"

  required_providers {
    vultr = {
      source  = "vultr/vultr"
      version = "2.32.0"
    }
  }
}

# The key comes from VULTR_API_KEY.
provider "vultr" {
}
