variable "block_type" {
  description = "The kind of block storage for data disks: high_perf (NVMe) or storage_opt (HDD, from 40 GB). Not every region has both."
  type        = string
  default     = "high_perf"

  validation {
    condition     = contains(["high_perf", "storage_opt"], var.block_type)
    error_message = "block_type must be high_perf or storage_opt."
  }
}

locals {
  # https://docs.vultr.com/products/block-storage
  block_gb = { high_perf = [10, 10000], storage_opt = [40, 40000] }[var.block_type]
}

# Block storage has no tags: its label says whose it is.
resource "vultr_block_storage" "data" {
  count = var.data_disk == null ? 0 : var.instances

  label      = "${local.prefix}-${count.index}"
  region     = var.region
  size_gb    = var.data_disk.size_gb
  block_type = var.block_type

  attached_to_instance = vultr_instance.instance[count.index].id
  # Without a restart of the instance, which is just booting.
  live = true

  lifecycle {
    precondition {
      condition     = var.data_disk.size_gb >= local.block_gb[0] && var.data_disk.size_gb <= local.block_gb[1]
      error_message = "Vultr's ${var.block_type} block storage has ${local.block_gb[0]} to ${local.block_gb[1]} GB, not ${var.data_disk.size_gb}."
    }
  }
}
