variable "image" {
  description = "The ID of the instances' AMI. Null is Canonical's Ubuntu 24.04, or for NVIDIA GPUs AWS's Deep Learning Base AMI on it."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("^ami-[0-9a-f]+$", var.image))
    error_message = "image must be an AMI's ID such as ami-0123456789abcdef0."
  }
}

locals {
  family = split(".", var.size)[0]

  # Accelerators for which the Deep Learning Base AMI has the driver. Older
  # ones (p2, p3, g3) and AMD's (g4ad) need an image of their own.
  nvidia       = can(regex("^(g4dn|g5g?|gr?6[a-z]*|g7[a-z]*|p4d?e?|p5[a-z]*|p6[a-z0-9-]*)$", local.family))
  other_gpu    = can(regex("^(p2|p3|p3dn|g2|g3s?|g4ad)$", local.family))
  accelerator  = local.nvidia || startswith(local.family, "p3") ? "nvidia" : local.family == "g4ad" ? "amd" : ""
  machine_arch = var.arch == "arm64" ? "arm64" : "x86_64"

  # Public parameters, the same in each region:
  # https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
  # https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html
  image_parameter = (
    local.nvidia
    ? "/aws/service/deeplearning/ami/${local.machine_arch}/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
    : "/aws/service/canonical/ubuntu/server/24.04/stable/current/${var.arch}/hvm/ebs-gp3/ami-id"
  )
}

data "aws_ssm_parameter" "image" {
  count = var.image == null ? 1 : 0

  name = local.image_parameter
}
