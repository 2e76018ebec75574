policy {
  limits {
    ttl = "-24h"
  }
}
