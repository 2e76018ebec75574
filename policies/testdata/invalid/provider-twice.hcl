policy {
  providers {
    cost_optimized = ["vultr", "aws", "vultr"]
  }
}
