locals {
  native = var.service.source.native
}

resource "local_service" "instance" {
  count = var.instances

  deployment_id = var.deployment_id
  name          = "skysail-${var.deployment_id}-${count.index}"

  url    = try(local.native.url, null)
  sha256 = try(local.native.sha256, null)
  binary = try(local.native.binary, null)
  args   = try(local.native.args, null)
  image  = try(var.service.source.container.image, null)

  env   = var.service.env
  ports = var.service.ports[*].number

  lifecycle {
    precondition {
      condition     = var.data_disk == null
      error_message = "This machine gives a service no disk of its own. Leave data_disk out here, or deploy with --remote."
    }
    precondition {
      condition     = !var.spot && var.zone == null && var.boot_disk_gb == 0
      error_message = "This machine has no interruptible capacity, no zones and no boot disks to choose. Leave spot, zone and boot_disk_gb out."
    }
    precondition {
      condition     = var.instances == 1 || length(var.service.ports) == 0
      error_message = "On this machine a service with ports runs once: two instances would need the same port. Set instances = 1, or deploy with --remote."
    }
  }
}
