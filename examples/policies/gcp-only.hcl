# Google Cloud and nothing else, in Europe, for a day: Google itself deletes
# the instances when the time is over (a data disk stays until `destroy`).
#   skysail select examples/gpu/service.hcl --policy examples/policies/gcp-only.hcl --sandbox

policy {
  providers {
    gpu_providers    = ["gcp"]
    cpu_intensive    = ["gcp"]
    memory_intensive = ["gcp"]
    cost_optimized   = ["gcp"]
  }

  limits {
    regions = ["europe-*"]
    ttl     = "24h"
  }
}
