# A container on a Kubernetes cluster, between two and ten of it by its use of
# CPU. Only a cluster keeps such a range, so it goes there whatever else the
# policy says. Its user is a number that is not root, as the chart wants it.
#   skysail validate examples/kubernetes/service.hcl
#   skysail select examples/kubernetes/service.hcl --policy examples/policies/kubernetes.hcl --explain

service "shop" {
  source {
    container {
      image = "docker.io/nginxinc/nginx-unprivileged:1.29"
    }
  }

  # Of one pod: requested, and its limit too.
  resources {
    cpu        = 0.5
    memory_gb  = 0.5
    storage_gb = 1
  }

  instances = { min = 2, max = 10 }

  port "http" {
    number = 8080
    public = true
  }

  health {
    http {
      port = "http"
      path = "/"
    }
  }

  env = { LOG_LEVEL = "info" }
}
