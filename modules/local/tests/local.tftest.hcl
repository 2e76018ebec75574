# Needs skysail's own provider in a filesystem mirror; `go test ./modules` in
# skysail's source lays it out. It is replaced by a mock: nothing is started.

mock_provider "local" {
  mock_resource "local_service" {
    defaults = { id = "d4k2m9x7qpb1/a", address = "127.0.0.1", log_file = "/var/lib/journal.json" }
  }
}

variables {
  deployment_id  = "d4k2m9x7qpb1"
  name           = "echo"
  size           = "local"
  region         = "local"
  instances      = 1
  ssh_from       = []
  ssh_public_key = ""
  ssh_host_keys  = []
  tags           = { skysail-deployment = "d4k2m9x7qpb1", skysail-service = "echo" }
  service = {
    source = { native = {
      url    = "file:///tmp/echo.tar.gz"
      sha256 = "abababababababababababababababababababababababababababababababab"
      binary = "echo"
      args   = ["--listen", ":8080"]
    } }
    ports   = [{ name = "http", number = 8080, public = true }]
    health  = { port = 8080, path = "/healthz" }
    env     = { LOG_LEVEL = "info" }
    secrets = ["API_KEY"]
  }
}

run "native" {
  assert {
    condition = (
      local_service.instance[0].url == "file:///tmp/echo.tar.gz" && local_service.instance[0].binary == "echo" &&
      local_service.instance[0].args == tolist(["--listen", ":8080"]) && local_service.instance[0].image == null &&
      local_service.instance[0].ports == tolist([8080]) && local_service.instance[0].env == tomap({ LOG_LEVEL = "info" })
    )
    error_message = "The service is not handed on as it is."
  }
  assert {
    condition = output.instances == [{
      id         = "d4k2m9x7qpb1/a"
      name       = "skysail-d4k2m9x7qpb1-0"
      address    = "127.0.0.1"
      ssh_user   = ""
      ssh_port   = 0
      host_key   = ""
      health_url = "http://127.0.0.1:8080/healthz"
      logs       = "file:/var/lib/journal.json"
    }]
    error_message = "instances is not what every provider's module returns."
  }
  assert {
    condition     = output.health_url == "http://127.0.0.1:8080/healthz" && output.provider_ids.local_service == ["d4k2m9x7qpb1/a"]
    error_message = "health_url or provider_ids is wrong."
  }
}

run "container" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = []
      env     = {}
      secrets = []
    }
    instances = 2
  }
  assert {
    condition     = local_service.instance[1].image == "nginx" && local_service.instance[1].url == null && output.health_url == null
    error_message = "A container has an image and no archive."
  }
}

run "same_port_twice" {
  command = plan
  variables {
    instances = 2
  }
  expect_failures = [local_service.instance]
}

run "data_disk" {
  command = plan
  variables {
    data_disk = { size_gb = 10, path = "/data" }
  }
  expect_failures = [local_service.instance[0]]
}

run "zone" {
  command = plan
  variables {
    zone = "a"
  }
  expect_failures = [local_service.instance[0]]
}
