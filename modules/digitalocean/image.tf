variable "image" {
  description = "The image of the instances. Null is Ubuntu 24.04, or on gpu-* sizes DigitalOcean's image with the GPU's drivers."
  type        = string
  default     = null
}

locals {
  gpu_image = (
    startswith(var.size, "gpu-mi") ? "gpu-amd-base" :
    can(regex("x8-", var.size)) ? "gpu-h100x8-base" : "gpu-h100x1-base"
  )

  image = (
    var.image != null ? var.image :
    startswith(var.size, "gpu-") ? local.gpu_image : "ubuntu-24-04-x64"
  )
}
