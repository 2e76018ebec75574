policy {
  limits {
    ttl = "99999d99999h"
  }
}
