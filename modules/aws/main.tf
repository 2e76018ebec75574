locals {
  prefix = "skysail-${var.deployment_id}"
  tags   = merge(var.tags, { skysail = "true", skysail-deployment = var.deployment_id })

  public_ports = [for p in var.service.ports : p.number if p.public]

  # Without host bits, as the API gives blocks back; so that two blocks that
  # differ only in those are one rule.
  ssh_from = distinct([for c in var.ssh_from : "${cidrhost(c, 0)}/${split("/", c)[1]}"])
  rules = merge(
    { for c in local.ssh_from : "ssh-${c}" => { port = 22, cidr = c } },
    { for n in local.public_ports : "port-${n}-v4" => { port = n, cidr = "0.0.0.0/0" } },
    { for n in local.public_ports : "port-${n}-v6" => { port = n, cidr = "::/0" } },
  )

  # cloud-init unpacks what is gzipped. AWS takes a quarter of what the others
  # take, and counts the bytes before base64.
  user_data   = [for d in module.cloudinit.user_data : base64gzip(d)]
  burstable   = can(regex("^t[0-9]", var.size))
  health_path = try([for p in var.service.ports : ":${p.number}${var.service.health.path}" if p.public && p.number == var.service.health.port][0], null)
}

module "cloudinit" {
  source = "../cloudinit"

  name           = var.name
  service        = var.service
  ssh_public_key = var.ssh_public_key
  ssh_host_keys  = var.ssh_host_keys
  accelerator    = local.accelerator
  ttl_seconds    = var.ttl_seconds
  data_disk      = var.data_disk
  # udev's name of a whole EBS volume, and of no partition or instance store:
  # the hexadecimal is "Amazon Elastic Block Store". xvdf is on types older
  # than Nitro.
  data_devices = ["/dev/disk/by-id/nvme-nvme.1d0f-*-416d617a6f6e20456c617374696320426c6f636b2053746f7265-00000001", "/dev/xvdf"]
}

resource "aws_key_pair" "client" {
  key_name   = local.prefix
  public_key = var.ssh_public_key
  tags       = local.tags
}

# In the region's default VPC, as the instances are.
resource "aws_security_group" "service" {
  name        = local.prefix
  description = "skysail deployment ${var.deployment_id}"
  tags        = merge(local.tags, { Name = local.prefix })

  # An instance that no state knows keeps the group from being deleted. The
  # sweep after a failed destroy removes it; a quarter of an hour, the default,
  # is too long to wait for that.
  timeouts {
    delete = "1m"
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

resource "aws_vpc_security_group_ingress_rule" "inbound" {
  for_each = local.rules

  security_group_id = aws_security_group.service.id
  description       = each.key
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = strcontains(each.value.cidr, ":") ? null : each.value.cidr
  cidr_ipv6         = strcontains(each.value.cidr, ":") ? each.value.cidr : null
  tags              = local.tags
}

# Terraform's provider takes away the rule that AWS gives a new group, so
# without this one the instances could reach nothing.
resource "aws_vpc_security_group_egress_rule" "outbound" {
  security_group_id = aws_security_group.service.id
  description       = "all"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_instance" "instance" {
  count = var.instances

  ami               = var.image != null ? var.image : data.aws_ssm_parameter.image[0].insecure_value
  instance_type     = var.size
  availability_zone = var.zone

  key_name               = aws_key_pair.client.key_name
  vpc_security_group_ids = [aws_security_group.service.id]
  user_data_base64       = local.user_data[count.index]

  # A reading a minute in place of one in five.
  monitoring = true
  # cloudinit powers the guest off after ttl_seconds: then that is its end.
  instance_initiated_shutdown_behavior = var.ttl_seconds == null ? null : "terminate"

  tags = merge(local.tags, { Name = "${local.prefix}-${count.index}" })
  # Part of the same call: tags in the blocks of the volumes would come after
  # it, and a crash in between would leave volumes that nobody finds.
  volume_tags = merge(local.tags, { Name = "${local.prefix}-${count.index}" })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.boot_disk_gb > 0 ? var.boot_disk_gb : null
    encrypted             = true
    delete_on_termination = true
  }

  dynamic "ebs_block_device" {
    for_each = var.data_disk[*]
    content {
      device_name           = "/dev/sdf"
      volume_type           = "gp3"
      volume_size           = ebs_block_device.value.size_gb
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "instance_market_options" {
    for_each = var.spot ? [1] : []
    content {
      market_type = "spot"
      spot_options {
        spot_instance_type             = "one-time"
        instance_interruption_behavior = "terminate"
      }
    }
  }

  # By default t3 and t4g bill for load above their share, without a limit.
  dynamic "credit_specification" {
    for_each = local.burstable ? [1] : []
    content {
      cpu_credits = "standard"
    }
  }

  # The firewall stands before the first packet can arrive.
  depends_on = [aws_vpc_security_group_ingress_rule.inbound, aws_vpc_security_group_egress_rule.outbound]

  lifecycle {
    create_before_destroy = true
    # A newer image is for new instances only.
    ignore_changes = [ami]

    precondition {
      condition     = length(var.ssh_host_keys) == var.instances
      error_message = "ssh_host_keys must hold one key for each instance."
    }
    precondition {
      # As many bytes as the base64 text can hold.
      condition     = alltrue([for d in local.user_data : length(d) * 3 / 4 <= 16384])
      error_message = "The boot configuration is, compressed, larger than the 16 KiB that AWS accepts; make service.env or service.source.native.args smaller."
    }
    precondition {
      condition     = var.image != null || !local.other_gpu
      error_message = "There is no public image with drivers for the GPUs of ${var.size}: choose g4dn, g5, g6, p4 or later, or name an image of your own."
    }
    postcondition {
      condition     = try(self.public_ip, "") != ""
      error_message = "AWS reports the instance as running, but gave it no public IPv4 address: the region's default VPC has no public default subnet in this zone."
    }
  }
}
