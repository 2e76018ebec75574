policy {
  limit {
    ttl = "24h"
  }
}
