policy {
  failover {
    regions_first = "yes"
  }
}
