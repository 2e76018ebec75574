locals {
  prefix = "skysail-${var.deployment_id}"
  tags   = concat(["skysail"], [for k, v in var.tags : "${k}:${v}"])

  public_ports = [for p in var.service.ports : p.number if p.public]

  ssh_rules = { for c in var.ssh_from : "ssh-${cidrhost(c, 0)}/${split("/", c)[1]}" => {
    port    = 22
    ip_type = strcontains(c, ":") ? "v6" : "v4"
    subnet  = cidrhost(c, 0)
    size    = tonumber(split("/", c)[1])
  }... }
  port_rules = merge(
    { for n in local.public_ports : "port-${n}-v4" => { port = n, ip_type = "v4", subnet = "0.0.0.0", size = 0 } },
    { for n in local.public_ports : "port-${n}-v6" => { port = n, ip_type = "v6", subnet = "::", size = 0 } },
  )
  # Two blocks that differ only in host bits are the same rule.
  rules = merge({ for k, r in local.ssh_rules : k => r[0] }, local.port_rules)

  accelerator = startswith(var.size, "vcg-") ? "nvidia" : ""

  health_path = try([for p in var.service.ports : ":${p.number}${var.service.health.path}" if p.public && p.number == var.service.health.port][0], null)
}

module "cloudinit" {
  source = "../cloudinit"

  name           = var.name
  service        = var.service
  ssh_public_key = var.ssh_public_key
  ssh_host_keys  = var.ssh_host_keys
  accelerator    = local.accelerator
  # An image with GPU drivers may have a podman that is too old to hand over a GPU.
  engine = local.accelerator == "nvidia" ? "docker" : "podman"

  data_disk    = var.data_disk
  data_devices = ["/dev/disk/by-id/virtio-*", "/dev/vd*"]
}

resource "vultr_ssh_key" "client" {
  name    = local.prefix
  ssh_key = var.ssh_public_key
}

resource "vultr_firewall_group" "service" {
  description = local.prefix

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

# Vultr drops what no rule lets in. Outbound traffic is not filtered.
resource "vultr_firewall_rule" "inbound" {
  for_each = local.rules

  firewall_group_id = vultr_firewall_group.service.id
  protocol          = "tcp"
  port              = tostring(each.value.port)
  ip_type           = each.value.ip_type
  subnet            = each.value.subnet
  subnet_size       = each.value.size
  notes             = each.key
}

resource "vultr_instance" "instance" {
  count = var.instances

  label    = "${local.prefix}-${count.index}"
  hostname = "${local.prefix}-${count.index}"
  region   = var.region
  plan     = var.size
  os_id    = var.os_id

  firewall_group_id = vultr_firewall_group.service.id
  ssh_key_ids       = [vultr_ssh_key.client.id]
  # The provider encodes it.
  user_data = module.cloudinit.user_data[count.index]
  tags      = local.tags

  activation_email = false
  backups          = "disabled"
  enable_ipv6      = false

  # The rules stand before the first packet can arrive.
  depends_on = [vultr_firewall_rule.inbound]

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = var.arch == "amd64"
      error_message = "This module's Vultr images are for amd64, not for ${var.arch}. Take another provider, or build the service for amd64."
    }
    precondition {
      condition     = !var.spot
      error_message = "Vultr sells no interruptible capacity. Set limits.spot to \"never\" or \"prefer\", or take another provider."
    }
    precondition {
      condition     = var.zone == null
      error_message = "Vultr's regions have no zones to choose from. Leave zone out."
    }
    precondition {
      condition     = var.boot_disk_gb == 0
      error_message = "An instance's boot disk comes with its plan. Leave boot_disk_gb out, and take a larger plan or a data disk."
    }
    precondition {
      condition     = length(var.ssh_host_keys) == var.instances
      error_message = "ssh_host_keys must hold one key for each instance."
    }
    postcondition {
      condition     = !contains(["", "0.0.0.0"], self.main_ip)
      error_message = "Vultr reports the instance as active, but gave it no public IPv4 address."
    }
  }
}
