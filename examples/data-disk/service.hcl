# A service with a disk of its own beside the one that the instance boots from.
# It is mounted at /data, on the machine as in the container, and removed with
# the instance. Its price counts, for the order as for a cap.
#   skysail select examples/data-disk/service.hcl --sandbox --explain
#   skysail plan examples/data-disk/service.hcl --sandbox --out ./review

service "registry" {
  source {
    container {
      image = "docker.io/library/registry:3.0"
    }
  }

  resources {
    cpu        = 2
    memory_gb  = 4
    storage_gb = 20
  }

  disk {
    size_gb = 100
    path    = "/data"
  }

  # Not public: it has no login of its own.
  port "http" {
    number = 5000
  }

  health {
    http {
      port = "http"
      path = "/v2/"
    }
  }

  env = { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY = "/data" }
}
