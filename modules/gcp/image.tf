variable "image" {
  description = "The boot disk's image, PROJECT/FAMILY. Null is Ubuntu 24.04 LTS, or Google's image with NVIDIA's driver on a2, a3, a4 and g types."
  type        = string
  default     = null
}

locals {
  family = split("-", var.size)[0]
  # These have their GPUs built in. N1 types, which could be given some, are
  # made without: https://docs.cloud.google.com/compute/docs/gpus
  gpu = can(regex("^(a[2-9]x?|g[2-9])$", local.family))

  # Ubuntu's arm64 family for what is not amd64 is Google's own naming:
  # https://docs.cloud.google.com/compute/docs/images/os-details#ubuntu_lts
  # The GPU family is the newest base image of
  # https://docs.cloud.google.com/deep-learning-vm/docs/images (2026-04-10):
  # Ubuntu 24.04, NVIDIA driver 580, CUDA 12.9, supported until August 2028.
  # It is amd64 only; a4x types take Canonical's image with the driver.
  driver_image = (
    var.arch == "arm64" ? "ubuntu-os-accelerator-images/ubuntu-accelerator-2404-arm64-with-nvidia-580" :
    "deeplearning-platform-release/common-cu129-ubuntu-2404-nvidia-580"
  )
  image = (
    var.image != null ? var.image :
    local.gpu ? local.driver_image : "ubuntu-os-cloud/ubuntu-2404-lts-${var.arch}"
  )

  # Newer families take no Persistent Disk at all:
  # https://docs.cloud.google.com/compute/docs/disks/hyperdisks
  hyperdisk_only = can(regex("^((c4|n4)[a-z]?|m4n?|x4|h4d|a4x?|g4)-|^a3-ultragpu-", var.size))
  disk_type      = local.hyperdisk_only ? "hyperdisk-balanced" : "pd-balanced"
}
