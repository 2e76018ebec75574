policy {
  reaction {
    on_unhealthy    = "failovr"
    after           = "0s"
    cooldown        = "10"
    max_per_day     = 100
    max_usd_per_day = -1
    min_healthy     = 1
  }
}
