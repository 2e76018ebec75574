# terraform init && terraform test, in this module's folder. The provider is
# replaced by a mock: no account is needed, and nothing is called.

mock_provider "digitalocean" {
  mock_resource "digitalocean_droplet" {
    defaults = { id = "1234", ipv4_address = "198.51.100.7" }
  }
}

variables {
  deployment_id  = "d4k2m9x7qpb1"
  name           = "echo"
  size           = "s-2vcpu-4gb"
  region         = "nyc3"
  instances      = 1
  ssh_from       = ["203.0.113.9/24", "203.0.113.0/24", "2001:db8::/48"]
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
  ssh_host_keys  = [{ private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n", public_key = "ssh-ed25519 AAAA0\n" }]
  tags           = { skysail-deployment = "d4k2m9x7qpb1", skysail-service = "echo" }
  service = {
    source = { native = {
      url    = "https://example.com/echo.tar.gz"
      sha256 = "abababababababababababababababababababababababababababababababab"
      binary = "echo"
      args   = []
    } }
    ports   = [{ name = "http", number = 8080, public = true }, { name = "admin", number = 9090, public = false }]
    health  = { port = 8080, path = "/healthz" }
    env     = {}
    secrets = []
  }
}

run "firewall" {
  assert {
    condition     = digitalocean_firewall.service.tags == toset(["skysail-deployment:d4k2m9x7qpb1"])
    error_message = "A firewall with any other tag would guard other deployments' droplets too."
  }
  assert {
    condition = { for r in digitalocean_firewall.service.inbound_rule : r.port_range => r.source_addresses } == {
      "22"   = toset(["203.0.113.0/24", "2001:db8::/48"])
      "8080" = toset(["0.0.0.0/0", "::/0"])
    }
    error_message = "Only the public port is for the world, and SSH for ssh_from."
  }
  assert {
    condition     = toset(digitalocean_firewall.service.outbound_rule[*].protocol) == toset(["tcp", "udp", "icmp"])
    error_message = "Without outbound rules the droplet reaches nothing."
  }
}

run "droplet" {
  assert {
    condition     = digitalocean_droplet.instance[0].tags == toset(["skysail", "skysail-deployment:d4k2m9x7qpb1", "skysail-service:echo"])
    error_message = "The droplet must have all tags, by which it is found again."
  }
  assert {
    condition     = digitalocean_droplet.instance[0].monitoring && !digitalocean_droplet.instance[0].droplet_agent && digitalocean_droplet.instance[0].image == "ubuntu-24-04-x64"
    error_message = "The droplet is not set up as documented."
  }
  assert {
    condition     = length(digitalocean_droplet.instance[0].ssh_keys) == 1
    error_message = "Without a key DigitalOcean mails a root password."
  }
}

run "outputs" {
  assert {
    condition = output.instances == [{
      id         = "1234"
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
    condition     = output.health_url == "http://198.51.100.7:8080/healthz" && output.provider_ids.digitalocean_droplet == ["1234"]
    error_message = "health_url or provider_ids is wrong."
  }
}

run "no_health_url_behind_the_firewall" {
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 8080, public = false }]
      health  = { port = 8080, path = "/" }
      env     = {}
      secrets = []
    }
  }
  assert {
    condition     = output.health_url == null && output.instances[0].health_url == null
    error_message = "A port that is not public can not be asked from outside."
  }
}

run "gpu_images" {
  command = plan
  variables {
    size = "gpu-h100x8-640gb"
  }
  assert {
    condition     = digitalocean_droplet.instance[0].image == "gpu-h100x8-base"
    error_message = "Eight NVIDIA GPUs need the image for eight."
  }
}

run "amd_image" {
  command = plan
  variables {
    size = "gpu-mi300x8-1536gb"
  }
  assert {
    condition     = digitalocean_droplet.instance[0].image == "gpu-amd-base"
    error_message = "AMD GPUs need AMD's drivers."
  }
}

run "one_gpu_image" {
  command = plan
  variables {
    size = "gpu-l40sx1-48gb"
  }
  assert {
    condition     = digitalocean_droplet.instance[0].image == "gpu-h100x1-base"
    error_message = "One NVIDIA GPU needs the image for one."
  }
}

run "own_image" {
  command = plan
  variables {
    image = "123456"
  }
  assert {
    condition     = digitalocean_droplet.instance[0].image == "123456"
    error_message = "var.image must win."
  }
}

run "nobody_may_connect" {
  command = plan
  variables {
    ssh_from = []
  }
  expect_failures = [digitalocean_firewall.service]
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
  expect_failures = [digitalocean_firewall.service]
}

run "too_few_host_keys" {
  command = plan
  variables {
    ssh_host_keys = []
  }
  expect_failures = [digitalocean_droplet.instance[0]]
}
