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

run "data_disk" {
  variables {
    instances     = 2
    ssh_host_keys = [for i in range(2) : { private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n", public_key = "ssh-ed25519 AAAA${i}" }]
    data_disk     = { size_gb = 50, path = "/data" }
  }
  assert {
    condition     = [for v in digitalocean_volume.data : "${v.name} ${v.size} ${v.region} ${join(",", sort(v.tags))}"] == [for i in range(2) : "skysail-d4k2m9x7qpb1-${i} 50 nyc3 skysail,skysail-deployment:d4k2m9x7qpb1,skysail-service:echo"] && length(digitalocean_volume_attachment.data) == 2
    error_message = "Each instance must have a disk of its own, found by the deployment's ID."
  }
  assert {
    condition     = strcontains(digitalocean_droplet.instance[0].user_data, "skysail-data-disk.service") && length(output.provider_ids.digitalocean_volume) == 2
    error_message = "The instance must look for its disk, and the outputs name it."
  }
}

run "no_data_disk" {
  command = plan
  assert {
    condition     = length(digitalocean_volume.data) == 0
    error_message = "Nobody asked for a disk."
  }
}

run "arm64" {
  command = plan
  variables {
    arch = "arm64"
  }
  expect_failures = [digitalocean_droplet.instance[0]]
}

run "spot" {
  command = plan
  variables {
    spot = true
  }
  expect_failures = [digitalocean_droplet.instance[0]]
}

run "zone" {
  command = plan
  variables {
    zone = "a"
  }
  expect_failures = [digitalocean_droplet.instance[0]]
}

run "boot_disk" {
  command = plan
  variables {
    boot_disk_gb = 50
  }
  expect_failures = [digitalocean_droplet.instance[0]]
}

run "disk_too_large" {
  command = plan
  variables {
    data_disk = { size_gb = 50000, path = "/data" }
  }
  expect_failures = [digitalocean_volume.data[0]]
}
