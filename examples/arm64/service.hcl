# A service for arm64: AWS (Graviton) and Google Cloud have such machines,
# DigitalOcean and Vultr are refused. The image must be built for it.
#   skysail select examples/arm64/service.hcl --sandbox --explain
#   skysail offers --arch arm64 --min-cpu 2 --min-memory 4

service "cache" {
  source {
    container {
      image = "docker.io/library/nginx:1.28"
    }
  }

  resources {
    cpu        = 2
    memory_gb  = 4
    storage_gb = 20
    arch       = "arm64"
  }

  port "http" {
    number = 80
    public = true
  }

  health {
    http {
      port = "http"
      path = "/"
    }
  }
}
