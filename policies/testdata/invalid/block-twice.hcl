policy {
  limits {
    ttl = "24h"
  }
  limits {
    spot = "never"
  }
}
