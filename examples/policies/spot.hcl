# Spot capacity only, the cheapest first. AWS and Google Cloud sell it; both
# may take an instance back at any time, and it is gone then. For services that
# can be run again, and not for what lies on their disks.
#   skysail select examples/cpu-heavy/service.hcl --policy examples/policies/spot.hcl --sandbox

policy {
  providers {
    order            = "cheapest"
    gpu_providers    = ["gcp", "aws"]
    cpu_intensive    = ["aws", "gcp"]
    memory_intensive = ["aws", "gcp"]
    cost_optimized   = ["aws", "gcp"]
  }

  limits {
    spot = "require" # "prefer" falls back on capacity on demand
  }
}
