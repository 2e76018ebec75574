terraform {
  required_version = ">= 1.6"

  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = "2.99.1"
    }
  }
}

# The token comes from DIGITALOCEAN_TOKEN. Few retries: a provider that fails is left for the next.
provider "digitalocean" {
  http_retry_max      = 2
  http_retry_wait_max = 5
}
