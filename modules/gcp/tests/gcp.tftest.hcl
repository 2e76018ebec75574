# terraform init && terraform test, in this module's folder. The provider is
# replaced by a mock: no account is needed, and nothing is called.

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

run "firewall" {
  assert {
    condition = { for k, r in google_compute_firewall.inbound : r.name => "${r.direction} ${r.priority} ${one(r.allow).protocol} ${join(",", one(r.allow).ports)} ${join(",", sort(r.source_ranges))}" } == {
      skysail-d4k2m9x7qpb1-public = "INGRESS 1000 tcp 8080 0.0.0.0/0"
      skysail-d4k2m9x7qpb1-ssh-v4 = "INGRESS 1000 tcp 22 203.0.113.0/24"
      skysail-d4k2m9x7qpb1-ssh-v6 = "INGRESS 1000 tcp 22 2001:db8::/48"
    }
    error_message = "Only the public port is for the world, and SSH for ssh_from, each family apart."
  }
  assert {
    condition = (
      google_compute_firewall.closed.priority < 65534 && one(google_compute_firewall.closed.deny).protocol == "all" &&
      google_compute_firewall.closed.source_ranges == toset(["0.0.0.0/0"]) && google_compute_firewall.closed.direction == "INGRESS"
    )
    error_message = "The default network's own rules must not open what ours do not."
  }
  assert {
    condition     = google_compute_firewall.outbound.direction == "EGRESS" && one(google_compute_firewall.outbound.allow).protocol == "all"
    error_message = "Outbound traffic is allowed in so many words."
  }
  assert {
    condition = alltrue([for r in concat(values(google_compute_firewall.inbound), [google_compute_firewall.closed, google_compute_firewall.outbound]) :
      r.target_tags == google_compute_instance.instance[0].tags && r.network == google_compute_instance.instance[0].network_interface[0].network && length(r.target_tags) == 1
    ])
    error_message = "Each rule is for this deployment's instances and for no others."
  }
}

run "instance" {
  assert {
    condition     = google_compute_instance.instance[0].zone == "europe-west4-b" && google_compute_instance.instance[0].machine_type == "e2-small"
    error_message = "Without a zone it is the region's b."
  }
  assert {
    condition = (
      google_compute_instance.instance[0].labels == tomap({ skysail = "true", skysail-deployment = "d4k2m9x7qpb1", skysail-service = "echo" }) &&
      google_compute_instance.instance[0].boot_disk[0].initialize_params[0].labels == google_compute_instance.instance[0].labels
    )
    error_message = "Instance and boot disk carry all labels, by which they are found again."
  }
  assert {
    condition = (
      google_compute_instance.instance[0].boot_disk[0].initialize_params[0].image == "ubuntu-os-cloud/ubuntu-2404-lts-amd64" &&
      google_compute_instance.instance[0].boot_disk[0].initialize_params[0].size == 20 &&
      google_compute_instance.instance[0].boot_disk[0].initialize_params[0].type == "pd-balanced" &&
      google_compute_instance.instance[0].boot_disk[0].auto_delete
    )
    error_message = "The boot disk is not what is documented."
  }
  assert {
    condition = (
      startswith(google_compute_instance.instance[0].metadata.user-data, "#cloud-config\n") &&
      google_compute_instance.instance[0].metadata.block-project-ssh-keys == "TRUE" &&
      google_compute_instance.instance[0].metadata.enable-oslogin == "FALSE"
    )
    error_message = "Nobody but the deployment's own key may log in."
  }
  assert {
    condition = (
      google_compute_instance.instance[0].shielded_instance_config[0].enable_secure_boot &&
      google_compute_instance.instance[0].shielded_instance_config[0].enable_vtpm &&
      google_compute_instance.instance[0].shielded_instance_config[0].enable_integrity_monitoring
    )
    error_message = "Shielded VM must be on."
  }
  assert {
    condition     = length(google_compute_instance.instance[0].service_account) == 0
    error_message = "The instance must have no service account."
  }
  assert {
    condition = (
      google_compute_instance.instance[0].scheduling[0].provisioning_model == "STANDARD" && google_compute_instance.instance[0].scheduling[0].automatic_restart &&
      !google_compute_instance.instance[0].scheduling[0].preemptible && google_compute_instance.instance[0].scheduling[0].on_host_maintenance == "MIGRATE" &&
      google_compute_instance.instance[0].scheduling[0].instance_termination_action == null && length(google_compute_instance.instance[0].scheduling[0].max_run_duration) == 0
    )
    error_message = "A standard instance without a time limit stays until it is destroyed."
  }
  assert {
    condition     = length(google_compute_disk.data) == 0 && length(google_compute_instance.instance[0].attached_disk) == 0
    error_message = "No data disk was asked for."
  }
}

run "outputs" {
  assert {
    condition = output.instances == [{
      id         = "projects/p/zones/europe-west4-b/instances/i"
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
    condition     = output.health_url == "http://198.51.100.7:8080/healthz" && length(output.provider_ids.google_compute_firewall) == 5
    error_message = "health_url or provider_ids is wrong."
  }
}

run "spot" {
  variables {
    spot = true
  }
  assert {
    condition = (
      google_compute_instance.instance[0].scheduling[0].provisioning_model == "SPOT" && google_compute_instance.instance[0].scheduling[0].preemptible &&
      !google_compute_instance.instance[0].scheduling[0].automatic_restart && google_compute_instance.instance[0].scheduling[0].instance_termination_action == "DELETE" &&
      google_compute_instance.instance[0].scheduling[0].on_host_maintenance == "TERMINATE"
    )
    error_message = "What is interrupted is deleted, not left stopped with a disk to pay for."
  }
}

run "fuse" {
  variables {
    ttl_seconds = 86400
  }
  assert {
    condition = (
      google_compute_instance.instance[0].scheduling[0].max_run_duration[0].seconds == 86400 &&
      google_compute_instance.instance[0].scheduling[0].instance_termination_action == "DELETE" && google_compute_instance.instance[0].scheduling[0].automatic_restart
    )
    error_message = "Google must end the instance by itself when its time is over."
  }
}

run "newer_image" {
  variables {
    image = "ubuntu-os-cloud/ubuntu-2604-lts-amd64"
  }
  assert {
    condition     = google_compute_instance.instance[0].boot_disk[0].initialize_params[0].image == "ubuntu-os-cloud/ubuntu-2404-lts-amd64"
    error_message = "Another image must not replace a running instance."
  }
}

run "data_disk" {
  variables {
    data_disk = { size_gb = 100, path = "/data" }
  }
  assert {
    condition = (
      google_compute_disk.data[0].size == 100 && google_compute_disk.data[0].type == "pd-balanced" && google_compute_disk.data[0].zone == "europe-west4-b" &&
      google_compute_disk.data[0].labels == google_compute_instance.instance[0].labels && google_compute_disk.data[0].name == "skysail-d4k2m9x7qpb1-0-data" &&
      google_compute_instance.instance[0].attached_disk[0].device_name == "skysail-data" && google_compute_instance.instance[0].attached_disk[0].source == google_compute_disk.data[0].self_link
    )
    error_message = "The data disk is not what is documented."
  }
  assert {
    condition     = strcontains(google_compute_instance.instance[0].metadata.user-data, "/dev/disk/by-id/google-skysail-data")
    error_message = "The instance must know where its data disk is."
  }
}

run "small_data_disk" {
  variables {
    data_disk = { size_gb = 1, path = "/data" }
  }
  assert {
    condition     = google_compute_disk.data[0].size == 10
    error_message = "Google sells no disk below 10 GiB."
  }
}

run "two" {
  variables {
    instances     = 2
    ssh_host_keys = [for i in [0, 1] : { private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n", public_key = "ssh-ed25519 AAAA${i}\n" }]
  }
  assert {
    condition     = output.instances[*].name == ["skysail-d4k2m9x7qpb1-0", "skysail-d4k2m9x7qpb1-1"] && output.instances[1].host_key == "ssh-ed25519 AAAA1"
    error_message = "Each instance has its own name and host key."
  }
}

run "nobody_may_connect" {
  command = plan
  variables {
    ssh_from = []
  }
  expect_failures = [google_compute_firewall.closed]
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
  expect_failures = [google_compute_firewall.closed]
}

run "labels" {
  command = plan
  variables {
    tags = { Team = "web" }
  }
  expect_failures = [google_compute_firewall.closed]
}

run "zone_of_another_region" {
  command = plan
  variables {
    zone = "us-central1-a"
  }
  expect_failures = [google_compute_instance.instance[0]]
}

run "too_long" {
  command = plan
  variables {
    ttl_seconds = 10368001
  }
  expect_failures = [google_compute_instance.instance[0]]
}

run "too_few_host_keys" {
  command = plan
  variables {
    ssh_host_keys = []
  }
  expect_failures = [google_compute_instance.instance[0]]
}
