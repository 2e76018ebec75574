# AWS and nothing else, in two regions. When it has no room the deployment
# fails with the reason; it never goes to another cloud.
#   skysail select examples/arm64/service.hcl --policy examples/policies/aws-only.hcl --sandbox

policy {
  providers {
    gpu_providers    = ["aws"]
    cpu_intensive    = ["aws"]
    memory_intensive = ["aws"]
    cost_optimized   = ["aws"]
  }

  limits {
    regions = ["us-east-1", "us-west-2"]
  }
}
