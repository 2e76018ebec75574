# Only regions near New York: those of DigitalOcean, and New Jersey of Vultr. AWS
# and Google Cloud have none that near, so these globs refuse them.
# All else stays as it is by default. `make demo` deploys by this policy.
#   skysail select examples/cpu-heavy/service.hcl --policy examples/policies/new-york.hcl --explain

policy {
  limits {
    regions = ["nyc*", "ewr"]
  }
}
