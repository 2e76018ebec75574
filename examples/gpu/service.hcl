# A service with a GPU: the policy's gpu_providers decide where it goes, which
# are Google Cloud and then AWS unless said. The image answers on port 11434
# and uses the GPU when it finds one.
#   skysail select examples/gpu/service.hcl --sandbox
#   skysail select examples/gpu/service.hcl --policy examples/policies/gpu.hcl --explain

service "models" {
  source {
    container {
      image = "docker.io/ollama/ollama:0.11.4"
    }
  }

  resources {
    cpu        = 8
    memory_gb  = 32
    storage_gb = 200
    gpu {
      count     = 1
      memory_gb = 16 # at least, of the one GPU; the model does not matter
      # To insist on one:
      # model = "L4"
    }
  }

  # Not public: it has no login of its own.
  port "api" {
    number = 11434
  }

  health {
    http {
      port = "api"
      path = "/"
    }
  }

  env = { OLLAMA_KEEP_ALIVE = "30m" }
}
