# Needs the Helm provider in a filesystem mirror, or from the registry. It is
# replaced by a mock: no cluster is asked.

mock_provider "helm" {
  mock_resource "helm_release" {
    defaults = { id = "skysail-d4k2m9x7qpb1" }
  }
}

variables {
  deployment_id  = "d4k2m9x7qpb1"
  name           = "echo"
  size           = "blueprints"
  region         = "arn:aws:eks:us-east-1:123456789012:cluster/production"
  instances      = 2
  resources      = { cpu = 0.5, memory_gb = 1.5, storage_gb = 10 }
  ssh_from       = ["203.0.113.0/24"]
  ssh_public_key = ""
  ssh_host_keys  = []
  tags           = { skysail-deployment = "d4k2m9x7qpb1", skysail-service = "echo" }
  service = {
    source  = { container = { image = "ghcr.io/acme/echo:1.4" } }
    ports   = [{ name = "http", number = 8080, public = true }]
    health  = { port = 8080, path = "/healthz" }
    env     = { QUOTES = "'\"\\ {{ x }} $${y} $(z) %%{if}", LINES = "  a\nb: c\n\t- d\n", NUMBER = "0123", EMPTY = "", WORD = "yes" }
    secrets = []
  }
}

run "release" {
  assert {
    condition = (
      helm_release.service.name == "skysail-d4k2m9x7qpb1" && helm_release.service.namespace == "blueprints" &&
      helm_release.service.atomic && helm_release.service.wait && !helm_release.service.create_namespace && helm_release.service.timeout == 300
    )
    error_message = "The release is not the deployment's own, in the namespace, whole or not at all."
  }
  assert {
    condition     = endswith(helm_release.service.chart, "/chart") && length(helm_release.service.values) == 1
    error_message = "The chart is not the module's own, or has other values."
  }
  assert {
    condition     = helm_release.service.set == null && helm_release.service.set_sensitive == null
    error_message = "There are values beside values."
  }
  assert {
    condition     = tomap(yamldecode(helm_release.service.values[0]).env) == var.service.env
    error_message = "The environment is not handed on as it is."
  }
  assert {
    condition = (
      yamldecode(helm_release.service.values[0]).instances == { min = 2, max = 2 } &&
      yamldecode(helm_release.service.values[0]).health == { port = 8080, path = "/healthz" } &&
      yamldecode(helm_release.service.values[0]).secretName == "" && yamldecode(helm_release.service.values[0]).deployment == "d4k2m9x7qpb1"
    )
    error_message = "The values are not the service's."
  }
  assert {
    condition = output.instances[1] == {
      id         = "skysail-d4k2m9x7qpb1/1"
      name       = "skysail-d4k2m9x7qpb1-1"
      address    = "skysail-d4k2m9x7qpb1.blueprints.svc"
      ssh_user   = ""
      ssh_port   = 0
      host_key   = ""
      health_url = null
      logs       = "kubernetes:blueprints/skysail-d4k2m9x7qpb1"
    } && length(output.instances) == 2
    error_message = "instances is not what every provider's module returns."
  }
  assert {
    condition = (
      output.release == "skysail-d4k2m9x7qpb1" && output.namespace == "blueprints" && output.health_url == null &&
      output.context == "arn:aws:eks:us-east-1:123456789012:cluster/production" && output.provider_ids.helm_release == ["skysail-d4k2m9x7qpb1"]
    )
    error_message = "release, namespace, context or provider_ids is wrong."
  }
}

run "everything" {
  command = plan
  variables {
    arch              = "arm64"
    instances         = 1
    max_instances     = 10
    create_namespace  = true
    secret_name       = "skysail-d4k2m9x7qpb1-env"
    image_pull_secret = "registry"
    ingress_from      = ["203.0.113.7/24", "203.0.113.0/24", "2001:db8::1/48"]
    service_type      = "LoadBalancer"
    run_as_user       = 1000
    read_only_root    = true
    ready_seconds     = 600
    data_disk         = { size_gb = 10, path = "/data" }
    resources         = { cpu = 4, memory_gb = 16, storage_gb = 0, gpu = { count = 2, model = "L4", memory_gb = 24 } }
    monitor           = { kind = "PodMonitor", port = "http", path = "/metrics", labels = { release = "prometheus" } }
    probe             = { type = "https", port = 8080, path = "/", headers = { Host = "echo.example" } }
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 8080, public = true }]
      env     = {}
      secrets = ["API_KEY"]
    }
  }
  assert {
    condition = yamldecode(helm_release.service.values[0]) == {
      name                   = "echo"
      deployment             = "d4k2m9x7qpb1"
      image                  = "nginx"
      arch                   = "arm64"
      env                    = {}
      secrets                = ["API_KEY"]
      secretName             = "skysail-d4k2m9x7qpb1-env"
      imagePullSecret        = "registry"
      ports                  = [{ name = "http", number = 8080, public = true }]
      health                 = { type = "https", port = 8080, path = "/", headers = { Host = "echo.example" } }
      instances              = { min = 1, max = 10 }
      resources              = { cpu = 4, memory_gb = 16, storage_gb = 0, gpu = { count = 2, model = "L4", memory_gb = 24 } }
      disk                   = { size_gb = 10, path = "/data" }
      access                 = { ingress = ["203.0.113.0/24", "2001:db8::/48"], serviceType = "LoadBalancer" }
      runAsUser              = 1000
      readOnlyRootFilesystem = true
      readySeconds           = 600
      monitor                = { kind = "PodMonitor", port = "http", path = "/metrics", labels = { release = "prometheus" } }
    }
    error_message = "The values are not what was asked for."
  }
  assert {
    condition     = helm_release.service.create_namespace && helm_release.service.timeout == 600
    error_message = "create_namespace and ready_seconds are Helm's."
  }
}

run "native" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tar.gz", sha256 = "abababababababababababababababababababababababababababababababab", binary = "a", args = [] } }
      ports   = []
      env     = {}
      secrets = []
    }
  }
  expect_failures = [helm_release.service]
}

run "secrets_of_nowhere" {
  command = plan
  variables {
    service = { source = { container = { image = "nginx" } }, ports = [], env = {}, secrets = ["API_KEY"] }
  }
  expect_failures = [helm_release.service]
}

run "namespace" {
  command = plan
  variables {
    size = "Blue.prints"
  }
  expect_failures = [helm_release.service]
}

run "spot" {
  command = plan
  variables {
    spot = true
  }
  expect_failures = [helm_release.service]
}

run "range" {
  command = plan
  variables {
    max_instances = 1
  }
  expect_failures = [helm_release.service]
}

run "root" {
  command = plan
  variables {
    run_as_user = 0
  }
  expect_failures = [var.run_as_user]
}

run "ingress" {
  command = plan
  variables {
    ingress_from = ["everybody"]
  }
  expect_failures = [var.ingress_from]
}

run "names" {
  command = plan
  variables {
    secret_name       = "A"
    image_pull_secret = "a/b"
    service_type      = "ExternalName"
  }
  expect_failures = [var.secret_name, var.image_pull_secret, var.service_type]
}
