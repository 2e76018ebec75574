policy {
  failover {
    attempt_timeout = "0s"
    total_timeout   = "-1h"
  }
}
