locals {
  prefix = "skysail-${var.deployment_id}"
  labels = merge(var.tags, { skysail = "true", skysail-deployment = var.deployment_id })

  # A region's zones are not all named alike, but each region has a "b".
  zone = coalesce(var.zone, "${var.region}-b")

  # What has GPUs can not be moved to another host, nor can these families:
  # https://docs.cloud.google.com/compute/docs/instances/live-migration-process#limitations
  stays = local.gpu || can(regex("^(h[0-9]+d?|x4)-|-metal$", var.size))

  # The guest finds a disk of this name at /dev/disk/by-id/google-NAME.
  data_device = "skysail-data"

  # Without host bits, as the API gives blocks back.
  ssh_from     = distinct([for c in var.ssh_from : "${cidrhost(c, 0)}/${split("/", c)[1]}"])
  public_ports = [for p in var.service.ports : tostring(p.number) if p.public]

  # The API refuses a rule with blocks of both families.
  inbound = { for k, r in {
    public = { ports = local.public_ports, from = ["0.0.0.0/0"] }
    ssh-v4 = { ports = ["22"], from = [for c in local.ssh_from : c if !strcontains(c, ":")] }
    ssh-v6 = { ports = ["22"], from = [for c in local.ssh_from : c if strcontains(c, ":")] }
  } : k => r if length(r.ports) > 0 && length(r.from) > 0 }

  health_path = try([for p in var.service.ports : ":${p.number}${var.service.health.path}" if p.public && p.number == var.service.health.port][0], null)

  # The address is one that came with the instance and goes with it.
  addresses = [for r in google_compute_instance.instance : r.network_interface[0].access_config[0].nat_ip]
}

module "cloudinit" {
  source = "../cloudinit"

  name           = var.name
  service        = var.service
  ssh_public_key = var.ssh_public_key
  ssh_host_keys  = var.ssh_host_keys
  accelerator    = local.gpu ? "nvidia" : ""
  data_disk      = var.data_disk
  data_devices   = ["/dev/disk/by-id/google-${local.data_device}"]
}

resource "google_compute_firewall" "inbound" {
  for_each = local.inbound

  name          = "${local.prefix}-${each.key}"
  description   = local.prefix
  network       = "default"
  direction     = "INGRESS"
  priority      = 1000
  source_ranges = each.value.from
  target_tags   = [local.prefix]

  allow {
    protocol = "tcp"
    ports    = each.value.ports
  }
}

# A new project's default network comes with rules that let the world in by
# SSH and RDP, at priority 65534. This one stands before them.
resource "google_compute_firewall" "closed" {
  name          = "${local.prefix}-closed"
  description   = local.prefix
  network       = "default"
  direction     = "INGRESS"
  priority      = 65000
  source_ranges = ["0.0.0.0/0"]
  target_tags   = [local.prefix]

  deny {
    protocol = "all"
  }

  lifecycle {
    precondition {
      condition     = length(var.ssh_from) > 0
      error_message = "ssh_from is empty: nobody could reach the instances by SSH, so neither logs nor host metrics could be read. Set access.ssh_from in the policy."
    }
    precondition {
      condition     = !contains(var.service.ports[*].number, 22)
      error_message = "Port 22 of an instance belongs to SSH; choose another port for the service."
    }
    precondition {
      condition     = alltrue([for k, v in var.tags : can(regex("^[a-z][a-z0-9_-]{0,62}$", k)) && can(regex("^[a-z0-9_-]{0,63}$", v))])
      error_message = "tags become labels of Google Cloud: keys and values of at most 63 of a-z, 0-9, \"_\" and \"-\"; a key starts with a letter."
    }
  }
}

resource "google_compute_firewall" "outbound" {
  name               = "${local.prefix}-outbound"
  description        = local.prefix
  network            = "default"
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = ["0.0.0.0/0"]
  target_tags        = [local.prefix]

  allow {
    protocol = "all"
  }
}

# Disks are encrypted at rest by Google; there is nothing to turn on.
resource "google_compute_disk" "data" {
  count = var.data_disk == null ? 0 : var.instances

  name = "${local.prefix}-${count.index}-data"
  zone = local.zone
  type = local.disk_type
  # Google sells no smaller ones.
  size   = max(10, var.data_disk.size_gb)
  labels = local.labels
}

resource "google_compute_instance" "instance" {
  count = var.instances

  name         = "${local.prefix}-${count.index}"
  machine_type = var.size
  zone         = local.zone
  tags         = [local.prefix]
  labels       = local.labels

  # A change never stops a running service behind its owner's back.
  allow_stopping_for_update = false

  boot_disk {
    auto_delete = true

    initialize_params {
      image  = local.image
      size   = var.boot_disk_gb == 0 ? null : var.boot_disk_gb
      type   = local.disk_type
      labels = local.labels
    }
  }

  dynamic "attached_disk" {
    for_each = var.data_disk == null ? [] : [google_compute_disk.data[count.index].self_link]
    content {
      source      = attached_disk.value
      device_name = local.data_device
    }
  }

  network_interface {
    network = "default"

    access_config {}
  }

  metadata = {
    user-data                = module.cloudinit.user_data[count.index]
    block-project-ssh-keys   = "TRUE"
    enable-oslogin           = "FALSE"
    serial-port-enable       = "FALSE"
    disable-legacy-endpoints = "TRUE"
  }

  # NVIDIA's modules in Google's driver image are not signed for Secure Boot.
  shielded_instance_config {
    enable_secure_boot          = !local.gpu
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  # Without a service_account block the instance has none: the metadata server
  # gives nobody on it a token.

  scheduling {
    on_host_maintenance = local.stays || var.spot ? "TERMINATE" : "MIGRATE"
    automatic_restart   = !var.spot
    preemptible         = var.spot
    provisioning_model  = var.spot ? "SPOT" : "STANDARD"
    # What Google ends, by interruption or at the end of its time, is deleted
    # and not only stopped: a stopped instance's disk costs money.
    instance_termination_action = var.spot || var.ttl_seconds != null ? "DELETE" : null

    dynamic "max_run_duration" {
      for_each = var.ttl_seconds == null ? [] : [var.ttl_seconds]
      content {
        seconds = max_run_duration.value
      }
    }
  }

  # The rules stand before the first packet can arrive.
  depends_on = [google_compute_firewall.inbound, google_compute_firewall.closed, google_compute_firewall.outbound]

  lifecycle {
    # A newer image in the family is for the next instance.
    ignore_changes = [boot_disk[0].initialize_params[0].image]

    precondition {
      condition     = length(var.ssh_host_keys) == var.instances
      error_message = "ssh_host_keys must hold one key for each instance."
    }
    precondition {
      condition     = startswith(local.zone, "${var.region}-")
      error_message = "zone must be one of region: Google's zones are the region's name, \"-\" and a letter."
    }
    precondition {
      condition     = var.ttl_seconds == null || try(var.ttl_seconds <= 10368000, false)
      error_message = "ttl_seconds can be at most 120 days (10368000) at Google Cloud."
    }
    postcondition {
      condition     = try(self.network_interface[0].access_config[0].nat_ip, "") != ""
      error_message = "Google Cloud reports the instance as running, but gave it no external IPv4 address."
    }
  }
}
