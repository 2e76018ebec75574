# How a target is chosen and guarded. Every value here is the default, so
# whatever you leave out stays as it stands. Check this file with
#   skysail validate policy.hcl

policy {
  # What runs the plans: terraform, or tofu for OpenTofu. Skysail fetches
  # Terraform where there is none; tofu must be on PATH.
  engine = "terraform"

  # The first rule that fits a service gives its list of providers: it needs a
  # GPU, it is above the cpu threshold, above the memory threshold, or none of
  # these. Allowed: aws, gcp, digitalocean, vultr, kubernetes, local.
  providers {
    gpu_providers    = ["gcp", "aws"]
    cpu_intensive    = ["vultr", "digitalocean", "aws"]
    memory_intensive = ["aws", "gcp"]
    cost_optimized   = ["vultr", "digitalocean", "aws", "gcp"]
    # "listed" keeps the order of each list, "cheapest" goes by price. Left
    # out, cost_optimized goes by price and the others are kept.
    # order = "listed"
  }

  # A service above a threshold falls under its rule; one with more instances
  # than this goes to Kubernetes.
  thresholds {
    cpu       = 8  # vCPU
    memory_gb = 32 # GiB
    instances = 10
  }

  kubernetes {
    context   = "production"
    namespace = "blueprints"
  }

  # A cloud first, and a cluster when it has no room.
  # target "hybrid" {
  #   primary      = "gcp"
  #   fallback_k8s = "production"
  # }

  # Durations are written as "90s", "15m", "24h", "7d" or "1d12h".
  limits {
    # max_hourly_usd = 5      # for all instances together; none when left out
    # ttl            = "24h"  # AWS and Google Cloud end instances after that
    # regions        = ["us-*", "nyc*"]
    spot          = "never" # or "prefer", "require"
    max_price_age = "720h"  # an older price is not trusted
  }

  failover {
    max_attempts    = 6
    attempt_timeout = "15m"
    total_timeout   = "1h"
    regions_first   = true # other regions of a provider before the next one
  }

  # Who may open SSH connections to instances; this machine's own address when
  # left out. Never the whole world.
  access {
    # ssh_from = ["203.0.113.0/24"]
  }
}
