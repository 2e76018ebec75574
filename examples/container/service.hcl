# A container image with three instances. LOG_LEVEL is a plain setting; the
# value of API_KEY comes from your environment when you deploy, and is written
# to no plan, state or log:
#   export API_KEY=...
#   skysail plan examples/container/service.hcl --remote --sandbox
# A port below 1024 needs no rights of its own inside a container.

service "web" {
  source {
    container {
      image = "docker.io/library/nginx:1.28"
    }
  }

  resources {
    cpu        = 2
    memory_gb  = 4
    storage_gb = 20
  }

  instances = 3

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

  env     = { LOG_LEVEL = "info" }
  secrets = ["API_KEY"]
}
