# terraform init && terraform test, in this module's folder. The provider is
# replaced by a mock: no account is needed, and nothing is called.

mock_provider "vultr" {
  mock_resource "vultr_instance" {
    defaults = { id = "9c1f", main_ip = "198.51.100.7" }
  }
}

variables {
  deployment_id  = "d4k2m9x7qpb1"
  name           = "echo"
  size           = "vc2-2c-4gb"
  region         = "ewr"
  instances      = 1
  ssh_from       = ["203.0.113.9/24", "203.0.113.0/24", "2001:db8::/48"]
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
  ssh_host_keys  = [{ private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n", public_key = "ssh-ed25519 AAAA0\n" }]
  tags           = { skysail-deployment = "d4k2m9x7qpb1", skysail-service = "echo" }
  service = {
    source  = { container = { image = "ghcr.io/acme/echo:1.4" } }
    ports   = [{ name = "http", number = 8080, public = true }, { name = "admin", number = 9090, public = false }]
    health  = { port = 8080, path = "/healthz" }
    env     = {}
    secrets = []
  }
}

run "firewall" {
  assert {
    condition = toset([for r in vultr_firewall_rule.inbound : "${r.protocol} ${r.port} ${r.ip_type} ${r.subnet}/${r.subnet_size}"]) == toset([
      "tcp 22 v4 203.0.113.0/24",
      "tcp 22 v6 2001:db8::/48",
      "tcp 8080 v4 0.0.0.0/0",
      "tcp 8080 v6 ::/0",
    ])
    error_message = "Only the public port is for the world, and SSH for ssh_from."
  }
  assert {
    condition     = alltrue([for r in vultr_firewall_rule.inbound : r.firewall_group_id == vultr_firewall_group.service.id])
    error_message = "A rule is in another group."
  }
  assert {
    condition     = vultr_instance.instance[0].firewall_group_id == vultr_firewall_group.service.id && vultr_firewall_group.service.description == "skysail-d4k2m9x7qpb1"
    error_message = "The instance must be in the group, and the group be found by the deployment's ID."
  }
}

run "instance" {
  assert {
    condition     = vultr_instance.instance[0].tags == toset(["skysail", "skysail-deployment:d4k2m9x7qpb1", "skysail-service:echo"])
    error_message = "The instance must have all tags, by which it is found again."
  }
  assert {
    condition = (
      vultr_instance.instance[0].os_id == 2284 && vultr_instance.instance[0].backups == "disabled" &&
      !vultr_instance.instance[0].activation_email && vultr_instance.instance[0].label == vultr_instance.instance[0].hostname
    )
    error_message = "The instance is not set up as documented."
  }
  assert {
    condition     = startswith(vultr_instance.instance[0].user_data, "#cloud-config\n")
    error_message = "The provider encodes user_data itself."
  }
}

run "outputs" {
  assert {
    condition = output.instances == [{
      id         = "9c1f"
      name       = "skysail-d4k2m9x7qpb1-0"
      address    = "198.51.100.7"
      ssh_user   = "skysail"
      ssh_port   = 22
      host_key   = "ssh-ed25519 AAAA0"
      health_url = "http://198.51.100.7:8080/healthz"
      logs       = "journald:skysail-echo.service"
    }]
    error_message = "instances is not what every provider's module returns."
  }
  assert {
    condition     = output.health_url == "http://198.51.100.7:8080/healthz" && length(output.provider_ids.vultr_firewall_rule) == 4
    error_message = "health_url or provider_ids is wrong."
  }
}

run "nobody_may_connect" {
  command = plan
  variables {
    ssh_from = []
  }
  expect_failures = [vultr_firewall_group.service]
}

run "port_of_ssh" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "ssh", number = 22, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [vultr_firewall_group.service]
}

run "too_few_host_keys" {
  command = plan
  variables {
    ssh_host_keys = []
  }
  expect_failures = [vultr_instance.instance[0]]
}
