locals {
  prefix = "skysail-${var.deployment_id}"

  # Only this tag belongs to this deployment alone. The firewall must use no
  # other: a cloud firewall guards every droplet that has one of its tags.
  deployment_tag = "skysail-deployment:${var.deployment_id}"

  tags = concat(
    ["skysail", digitalocean_tag.deployment.name],
    [for k, v in var.tags : "${k}:${v}" if "${k}:${v}" != local.deployment_tag],
  )

  world = ["0.0.0.0/0", "::/0"]
  # Without host bits, as the API gives blocks back.
  ssh_from     = distinct([for c in var.ssh_from : "${cidrhost(c, 0)}/${split("/", c)[1]}"])
  public_ports = toset([for p in var.service.ports : tostring(p.number) if p.public])

  accelerator = startswith(var.size, "gpu-mi") ? "amd" : startswith(var.size, "gpu-") ? "nvidia" : ""

  health_path = try([for p in var.service.ports : ":${p.number}${var.service.health.path}" if p.public && p.number == var.service.health.port][0], null)
}

module "cloudinit" {
  source = "../cloudinit"

  name           = var.name
  service        = var.service
  ssh_public_key = var.ssh_public_key
  ssh_host_keys  = var.ssh_host_keys
  accelerator    = local.accelerator
  # The GPU image may have a podman that is too old to hand over a GPU.
  engine = local.accelerator == "nvidia" ? "docker" : "podman"

  data_disk    = var.data_disk
  data_devices = ["/dev/disk/by-id/scsi-0DO_Volume_${local.prefix}-*"]
}

# The API refuses a firewall for a tag that does not exist yet, and a tag that
# a droplet's creation made would stay behind after destroy.
resource "digitalocean_tag" "deployment" {
  name = local.deployment_tag
}

resource "digitalocean_ssh_key" "client" {
  name       = local.prefix
  public_key = var.ssh_public_key
}

resource "digitalocean_firewall" "service" {
  name = local.prefix
  tags = [digitalocean_tag.deployment.name]

  inbound_rule {
    protocol         = "tcp"
    port_range       = "22"
    source_addresses = local.ssh_from
  }

  dynamic "inbound_rule" {
    for_each = local.public_ports
    content {
      protocol         = "tcp"
      port_range       = inbound_rule.value
      source_addresses = local.world
    }
  }

  # Without outbound rules an instance could reach nothing, not even DNS.
  outbound_rule {
    protocol              = "tcp"
    port_range            = "1-65535"
    destination_addresses = local.world
  }

  outbound_rule {
    protocol              = "udp"
    port_range            = "1-65535"
    destination_addresses = local.world
  }

  outbound_rule {
    protocol              = "icmp"
    destination_addresses = local.world
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
  }
}

resource "digitalocean_droplet" "instance" {
  count = var.instances

  name   = "${local.prefix}-${count.index}"
  region = var.region
  size   = var.size
  image  = local.image

  # With a key no root password is mailed.
  ssh_keys  = [digitalocean_ssh_key.client.id]
  user_data = module.cloudinit.user_data[count.index]
  tags      = local.tags

  monitoring    = true
  droplet_agent = false
  ipv6          = false

  # The firewall stands before the first packet can arrive.
  depends_on = [digitalocean_firewall.service]

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = var.arch == "amd64"
      error_message = "DigitalOcean has no ${var.arch} droplets. Take another provider, or build the service for amd64."
    }
    precondition {
      condition     = !var.spot
      error_message = "DigitalOcean sells no interruptible capacity. Set limits.spot to \"never\" or \"prefer\", or take another provider."
    }
    precondition {
      condition     = var.zone == null
      error_message = "DigitalOcean's regions have no zones to choose from. Leave zone out."
    }
    precondition {
      condition     = var.boot_disk_gb == 0
      error_message = "A droplet's boot disk comes with its size. Leave boot_disk_gb out, and take a larger size or a data disk."
    }
    precondition {
      condition     = length(var.ssh_host_keys) == var.instances
      error_message = "ssh_host_keys must hold one key for each instance."
    }
    postcondition {
      condition     = self.ipv4_address != ""
      error_message = "DigitalOcean reports the droplet as active, but gave it no public IPv4 address."
    }
  }
}
