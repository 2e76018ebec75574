variable "name" {
  description = "The service's name, a DNS label."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "name must be a DNS label: 1 to 63 of a-z, 0-9 and \"-\", with no \"-\" at either end."
  }
}

variable "service" {
  description = "What to run. The modules that call this one validate it."
  type = object({
    source = object({
      container = optional(object({ image = string }))
      native    = optional(object({ url = string, sha256 = string, binary = string, args = list(string) }))
    })
    ports   = list(object({ name = string, number = number, public = bool }))
    health  = optional(object({ port = number, path = string }))
    env     = map(string)
    secrets = list(string)
  })
}

variable "ssh_public_key" {
  description = "The public half of the deployment's SSH client key, in OpenSSH format."
  type        = string

  validation {
    condition     = can(regex("^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [!-~ ]*)?$", var.ssh_public_key))
    error_message = "ssh_public_key must be one line in OpenSSH format, such as \"ssh-ed25519 AAAA…\"."
  }
}

variable "ssh_host_keys" {
  description = "The first SSH host key of each instance, Ed25519. There is one user_data for each."
  type        = list(object({ private_key = string, public_key = string }))
  sensitive   = true

  validation {
    condition = alltrue([for k in var.ssh_host_keys :
      can(regex("^-----BEGIN OPENSSH PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+\n-----END OPENSSH PRIVATE KEY-----\n?$", k.private_key)) &&
      can(regex("^ssh-ed25519 [A-Za-z0-9+/]+=*( [!-~ ]*)?\n?$", k.public_key))
    ])
    error_message = "ssh_host_keys must be Ed25519 keys in OpenSSH format, private_key in PEM and public_key on one line."
  }
}

variable "accelerator" {
  description = "The maker of the instance's GPUs: nvidia, amd, or empty for none."
  type        = string
  default     = ""

  validation {
    condition     = contains(["", "nvidia", "amd"], var.accelerator)
    error_message = "accelerator must be \"nvidia\", \"amd\" or empty."
  }
}

variable "engine" {
  description = "What runs a container: podman or docker, of the instance's distribution. An image with GPU drivers older than Ubuntu 24.04 needs docker: its podman can not hand over a GPU."
  type        = string
  default     = "podman"

  validation {
    condition     = contains(["podman", "docker"], var.engine)
    error_message = "engine must be podman or docker."
  }
}

variable "data_disk" {
  description = "Where the service finds the disk beside the boot disk; null is none."
  type        = object({ path = string })
  default     = null

  validation {
    condition     = var.data_disk == null || can(regex("^(/[A-Za-z0-9._-]+)+$", try(var.data_disk.path, "")))
    error_message = "data_disk.path must be an absolute path of letters, digits, \".\", \"_\" and \"-\"."
  }
}

variable "data_devices" {
  description = "Where the provider shows that disk: paths below /dev, in which * stands for anything. One of them must be blank, or hold the file system made at an earlier boot; partitioned and mounted ones are passed over."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for d in var.data_devices : can(regex("^/dev/[A-Za-z0-9._/*-]+$", d)) && !strcontains(d, "..")])
    error_message = "data_devices must be paths below /dev of letters, digits, \".\", \"_\", \"-\" and \"*\"."
  }
}

variable "ttl_seconds" {
  description = "The instance powers itself off that long after its first boot; null is never. For providers where that ends it, or its price."
  type        = number
  default     = null

  validation {
    condition     = var.ttl_seconds == null || try(var.ttl_seconds >= 60 && floor(var.ttl_seconds) == var.ttl_seconds, false)
    error_message = "ttl_seconds must be a whole number of at least 60."
  }
}
