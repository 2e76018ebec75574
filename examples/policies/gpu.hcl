# For services with a GPU: these providers in this order, in these regions.
# Spot capacity where there is some, since a model server can be restarted.
#   skysail select examples/gpu/service.hcl --policy examples/policies/gpu.hcl --explain

policy {
  providers {
    gpu_providers = ["gcp", "aws", "vultr", "digitalocean"]
    order         = "listed"
  }

  limits {
    max_hourly_usd = 30
    max_price_age  = "730d"
    spot           = "prefer"
    regions        = ["us-*", "nyc*", "blr"] # Vultr's A40 is sold in blr only
  }

  failover {
    # GPUs are often out of stock: ask in more places, and longer.
    max_attempts    = 12
    attempt_timeout = "20m"
    total_timeout   = "3h"
    regions_first   = true
    # What fails is paid for as well: at most that much for all attempts.
    budget_usd = 25
  }
}
