# What to run, and what it needs. Check this file with
#   skysail validate service.hcl
# and see where the service could go with
#   skysail select service.hcl

service "NAME" {
  # Where the program comes from: a container image ...
  source {
    container {
      image = "docker.io/library/nginx:1.28"
    }
    # ... or, in its place, a native program in a .tar.gz archive. The url is
    # https, http or file, or a path relative to this file.
    # native {
    #   url    = "https://example.com/NAME.tar.gz"
    #   sha256 = "64 hexadecimal digits, as sha256sum prints them"
    #   binary = "NAME"
    #   args   = ["--listen", ":8080"]
    # }
  }

  # What one instance needs at least.
  resources {
    cpu        = 1  # vCPU, fractions allowed
    memory_gb  = 1  # GiB
    storage_gb = 10 # GiB of the disk it boots from, optional
    # arch     = "arm64" # or "amd64", which it is when left out
    # gpu {
    #   count     = 1
    #   model     = "L4" # optional: any model when left out
    #   memory_gb = 24   # GiB of one GPU, optional
    # }
  }

  # How many run. On Kubernetes it may be a range, by use of CPU.
  instances = 1 # or { min = 2, max = 10 }

  # Each TCP port on which the service listens. A public one is open to the
  # world; the others can be reached from the instance itself only.
  port "http" {
    number = 80
    public = true
  }

  # A GET that a healthy service answers with 2xx.
  health {
    http {
      port = "http"
      path = "/"
    }
  }

  # A disk of its own for each instance, beside the one it boots from. It is
  # made with the instance and removed with it: keep copies of what matters.
  # disk {
  #   size_gb = 100 # whole GiB
  #   path    = "/data"
  # }

  # Plain settings. env("X") takes a value from your environment when this
  # file is read, file("x") the text of a file beside this one. Both become
  # part of plans and state.
  env = {
    LOG_LEVEL = "info"
  }

  # Names only: the values are taken from your environment when you deploy,
  # and are written to no plan, state or log.
  # secrets = ["API_KEY"]
}
