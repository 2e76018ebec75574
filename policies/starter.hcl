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
    context   = "production" # of your kubeconfig
    namespace = "blueprints"
    # contexts          = ["production", "staging"] # several, tried in order
    # create_namespace  = true             # where it is missing
    # image_pull_secret = "registry"       # a Secret in the namespace
    # service_type      = "LoadBalancer"   # how public ports are reached; "ClusterIP" is from inside only
    # ingress_from      = ["10.0.0.0/8"]   # who reaches public ports; all when left out
    # run_as_user       = 1000             # for images whose user is root or a name
    # read_only_root    = true
  }

  # A cloud first, and a cluster when it has no room; or the other way round,
  # with primary = "kubernetes" and fallback = "gcp". target "kubernetes" { }
  # sends everything to the clusters.
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
    provider_timeout = {
      aws          = "10m"
      digitalocean = "8m"
      gcp          = "8m"
      vultr        = "12m"
    }
    total_timeout = "1h"
    regions_first = true # other regions of a provider before the next one
  }

  # Who may open SSH connections to instances; this machine's own address when
  # left out. Never the whole world.
  access {
    # ssh_from = ["203.0.113.0/24"]

    # Machines that every SSH connection goes through, in this order; ssh_from
    # must then name the network that the last one connects from. Without
    # key_file the agent's keys are offered.
    # jump "bastion.example.com:22" {
    #   user     = "ops"
    #   host_key = "ssh-ed25519 AAAA..."
    #   key_file = "~/.ssh/bastion"
    # }
    # socks5 = "127.0.0.1:1080"
  }

  # Where Terraform's state of remote deployments is kept: on this machine when
  # left out. With a backend, two machines cannot run the same deployment. Its
  # credentials come from the environment. Allowed: azurerm, gcs, http,
  # kubernetes, pg, s3.
  # backend "pg" {
  #   conn_str = "postgres://skysail@db.example.com/terraform" # and PGPASSWORD
  # }

  # What `skysail monitor` does about a deployment that is not healthy, once its
  # health check and a second, independent sign have both said so for a while.
  # reaction {
  #   on_unhealthy = "failover" # or "alert", "restart", "replace"
  #   after        = "2m"
  #   cooldown     = "30m"
  #   max_per_day  = 3
  #   # max_usd_per_day = 5
  #   min_healthy  = 0.5 # of all that is watched; with fewer it is a false alarm
  # }
}
