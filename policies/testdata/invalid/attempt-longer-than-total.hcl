policy {
  failover {
    attempt_timeout = "2h"
  }
}
