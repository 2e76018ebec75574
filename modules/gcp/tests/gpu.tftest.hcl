# A GPU type, from nothing: a running instance keeps its image.

mock_provider "google" {
  mock_resource "google_compute_instance" {
    defaults = {
      id                = "projects/p/zones/europe-west4-b/instances/i"
      network_interface = { access_config = { nat_ip = "198.51.100.7" } }
    }
  }
  mock_resource "google_compute_disk" {
    defaults = { self_link = "https://www.googleapis.com/compute/v1/projects/p/zones/europe-west4-b/disks/d" }
  }
}

variables {
  deployment_id  = "d4k2m9x7qpb1"
  name           = "echo"
  size           = "e2-small"
  region         = "europe-west4"
  instances      = 1
  boot_disk_gb   = 20
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

run "gpu" {
  variables {
    size = "g2-standard-4"
    zone = "europe-west4-c"
  }
  assert {
    condition = (
      google_compute_instance.instance[0].zone == "europe-west4-c" &&
      google_compute_instance.instance[0].boot_disk[0].initialize_params[0].image == "deeplearning-platform-release/common-cu129-ubuntu-2404-nvidia-580" &&
      google_compute_instance.instance[0].scheduling[0].on_host_maintenance == "TERMINATE" &&
      !google_compute_instance.instance[0].shielded_instance_config[0].enable_secure_boot && google_compute_instance.instance[0].shielded_instance_config[0].enable_vtpm
    )
    error_message = "A GPU needs the image with its driver, and can not be migrated."
  }
}
