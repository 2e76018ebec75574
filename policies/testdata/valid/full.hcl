policy {
  engine = "tofu"

  providers {
    gpu_providers    = ["aws"]
    cpu_intensive    = ["digitalocean", "vultr"]
    memory_intensive = ["gcp"]
    cost_optimized   = ["local", "kubernetes"]
    order            = "cheapest"
  }
  thresholds {
    cpu       = 4.5
    memory_gb = 16
    instances = 0
  }
  kubernetes {
    context   = "arn:aws:eks:eu-central-1:123456789012:cluster/main"
    namespace = "team-a"
  }
  target "hybrid" {
    primary      = "gcp"
    fallback_k8s = "gke_project_europe-west1_main"
  }
  limits {
    max_hourly_usd = 5
    ttl            = "1d12h"
    regions        = ["us-*", "nyc?", "fra[1-3]"]
    spot           = "prefer"
    max_price_age  = "7d"
  }
  failover {
    max_attempts    = 3
    attempt_timeout = "90s"
    total_timeout   = "10m"
    regions_first   = false
  }
  reaction {
    on_unhealthy    = "failover"
    after           = "90s"
    cooldown        = "1h"
    max_per_day     = 2
    max_usd_per_day = 1.5
    min_healthy     = 0.25
    dry_run         = true
  }
  access {
    ssh_from = ["203.0.113.0/24", env("OFFICE"), "10.0.0.0/8", "fd00::/8", "2001:db8::1/128"]
    socks5   = "127.0.0.1:1080"
    jump "bastion.example.com" {
      user     = "ops"
      host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM1mfaf7sI4BKZ0uitIRFq3F/2rscIlxjDYwMxI9hv02 of the bastion"
      key_file = "~/.ssh/bastion"
    }
    jump "[2001:db8::7]:2222" {
      user     = "inner"
      host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM1mfaf7sI4BKZ0uitIRFq3F/2rscIlxjDYwMxI9hv02"
    }
  }
}
