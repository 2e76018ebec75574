# The cheapest place that fits, within a budget, for a day at most.
#   skysail select examples/hello/service.hcl --policy examples/policies/cost.hcl --explain

policy {
  providers {
    # Every list goes by price, also those for large services.
    order            = "cheapest"
    cost_optimized   = ["vultr", "digitalocean", "aws", "gcp"]
    cpu_intensive    = ["vultr", "digitalocean", "aws", "gcp"]
    memory_intensive = ["vultr", "digitalocean", "aws", "gcp"]
  }

  limits {
    max_hourly_usd = 0.50 # for all instances together
    ttl            = "24h"

    # The time bounds `skysail estimate`, and AWS and Google Cloud end instances
    # after it. At DigitalOcean and Vultr nothing does: `skysail destroy` must.

    # A budget is kept by known prices only, and one older than this is not
    # known. The lists that come with skysail are dated (`skysail catalog show`);
    # after `skysail catalog refresh` a month (720h) is enough.
    max_price_age = "730d"
  }

  failover {
    max_attempts    = 4
    attempt_timeout = "10m"
    total_timeout   = "30m"
  }
}
