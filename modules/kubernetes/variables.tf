variable "deployment_id" {
  description = "The deployment's ID; a tag on everything that carries tags, and part of every name."
  type        = string

  validation {
    condition     = can(regex("^d[a-z0-9]{11}$", var.deployment_id))
    error_message = "deployment_id must be \"d\" and 11 characters of a-z and 0-9."
  }
}

variable "name" {
  description = "The service's name, a DNS label."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "name must be a DNS label: 1 to 63 of a-z, 0-9 and \"-\", with no \"-\" at either end."
  }
}

variable "size" {
  description = "The provider's name of the instance type."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", var.size))
    error_message = "size must be an instance type's name: letters, digits, \".\", \"_\" and \"-\"."
  }
}

variable "region" {
  description = "The provider's name of the region."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,252}$", var.region))
    error_message = "region must be a region's name, or that of a kubeconfig context: letters, digits and . _ : @ / + -."
  }
}

variable "zone" {
  description = "The zone of the region; null lets the provider choose. Ignored where a provider has no zones."
  type        = string
  default     = null

  validation {
    condition     = var.zone == null || can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", var.zone))
    error_message = "zone must be a zone's name: letters, digits, \".\", \"_\" and \"-\"."
  }
}

variable "arch" {
  description = "What the service's program is built for: amd64 or arm64. The image follows it."
  type        = string
  default     = "amd64"

  validation {
    condition     = contains(["amd64", "arm64"], var.arch)
    error_message = "arch must be amd64 or arm64."
  }
}

variable "spot" {
  description = "Take interruptible capacity, where the provider sells it."
  type        = bool
  default     = false
}

variable "boot_disk_gb" {
  description = "Size of the boot disk in GiB where the instance type has none of its own; 0 leaves it to the type or the image."
  type        = number
  default     = 0

  validation {
    condition     = var.boot_disk_gb >= 0 && floor(var.boot_disk_gb) == var.boot_disk_gb
    error_message = "boot_disk_gb must be a whole number of GiB."
  }
}

variable "data_disk" {
  description = "A disk for each instance beside its boot disk, and where the service finds it; null is none."
  type        = object({ size_gb = number, path = string })
  default     = null

  validation {
    condition = var.data_disk == null || (
      try(var.data_disk.size_gb >= 1 && floor(var.data_disk.size_gb) == var.data_disk.size_gb, false) &&
      can(regex("^(/[A-Za-z0-9._-]+)+$", try(var.data_disk.path, ""))) &&
      !can(regex("/[.]{1,2}(/|$)", try(var.data_disk.path, "")))
    )
    error_message = "data_disk needs a size_gb of whole GiB and an absolute path of letters, digits, \".\", \"_\" and \"-\"."
  }
}

variable "ttl_seconds" {
  description = "How long the instances may exist. Where a provider can end them by itself it is told to; null is without end."
  type        = number
  default     = null

  validation {
    condition     = var.ttl_seconds == null || try(var.ttl_seconds >= 60 && floor(var.ttl_seconds) == var.ttl_seconds, false)
    error_message = "ttl_seconds must be a whole number of at least 60."
  }
}

variable "instances" {
  description = "How many instances of the service to run."
  type        = number

  validation {
    condition     = var.instances >= 1 && var.instances <= 10000 && floor(var.instances) == var.instances
    error_message = "instances must be a whole number from 1 to 10000."
  }
}

variable "service" {
  description = "What to run: exactly one source, its ports, its health check, its environment, and the names (never the values) of its secrets."
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

  validation {
    condition     = (var.service.source.container == null) != (var.service.source.native == null)
    error_message = "service.source must have exactly one of container and native."
  }
  validation {
    condition     = var.service.source.container == null || can(regex("^[\\[A-Za-z0-9][]\\[A-Za-z0-9._:/@-]{0,511}$", var.service.source.container.image))
    error_message = "service.source.container.image must be an image reference such as ghcr.io/acme/echo:1.4."
  }
  validation {
    condition = var.service.source.native == null || (
      can(regex("^(https?|file)://[!-~]+$", var.service.source.native.url)) &&
      can(regex("^[0-9a-f]{64}$", var.service.source.native.sha256))
    )
    error_message = "service.source.native needs a url (https, http or file; printable ASCII, other characters percent-encoded) and a sha256 of 64 lower-case hex digits."
  }
  validation {
    condition = var.service.source.native == null || (
      can(regex("^[A-Za-z0-9._+@][A-Za-z0-9._+@/-]*$", var.service.source.native.binary)) &&
      !can(regex("(^|/)[.]{0,2}(/|$)", var.service.source.native.binary))
    )
    error_message = "service.source.native.binary must be a relative path inside the archive, of letters, digits and . _ + @ / -."
  }
  validation {
    condition     = var.service.source.native == null || alltrue([for a in try(var.service.source.native.args, []) : !can(regex("[\\x00-\\x1f\\x7f-\\x{9f}\\x{fffe}\\x{ffff}]", a))])
    error_message = "service.source.native.args must hold no control characters, tabs and line breaks among them."
  }
  validation {
    condition = (
      alltrue([for p in var.service.ports : p.number >= 1 && p.number <= 65535 && floor(p.number) == p.number]) &&
      length(distinct([for p in var.service.ports : p.number])) == length(var.service.ports)
    )
    error_message = "service.ports must have numbers from 1 to 65535, each once."
  }
  validation {
    condition = try(var.service.health, null) == null || (
      contains([for p in var.service.ports : p.number], try(var.service.health.port, 0)) &&
      can(regex("^/[!-~]*$", try(var.service.health.path, "")))
    )
    error_message = "service.health needs the number of one of service.ports, and a path that starts with / and holds printable ASCII only."
  }
  validation {
    condition = alltrue(concat(
      [for k in keys(var.service.env) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", k))],
      [for s in var.service.secrets : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", s))],
    ))
    error_message = "Names in service.env and service.secrets must be environment variable names: letters, digits and \"_\", not starting with a digit."
  }
  validation {
    condition     = alltrue([for v in values(var.service.env) : !can(regex("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x{9f}\\x{fffe}\\x{ffff}]", v))])
    error_message = "Values in service.env must hold no control characters other than tab and line feed: neither systemd nor YAML takes them."
  }
}

variable "ssh_from" {
  description = "CIDR blocks that may open SSH connections to the instances."
  type        = list(string)

  validation {
    condition     = alltrue([for c in var.ssh_from : can(cidrhost(c, 0))])
    error_message = "ssh_from must hold CIDR blocks such as 203.0.113.0/24 or 2001:db8::/48."
  }
}

variable "ssh_public_key" {
  description = "The public half of the deployment's SSH client key, in OpenSSH format. Empty where no SSH is used."
  type        = string

  validation {
    condition     = can(regex("^((ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [!-~ ]*)?)?$", var.ssh_public_key))
    error_message = "ssh_public_key must be one line in OpenSSH format, such as \"ssh-ed25519 AAAA…\"."
  }
}

variable "ssh_host_keys" {
  description = "The first SSH host key of each instance, Ed25519, so that the first connection is to a known key."
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

variable "tags" {
  description = "Tags of everything that carries tags; each becomes the tag string \"key:value\"."
  type        = map(string)

  validation {
    condition     = alltrue([for k, v in var.tags : can(regex("^[A-Za-z0-9_-]+$", k)) && can(regex("^[A-Za-z0-9_-]+$", v)) && length("${k}:${v}") <= 255])
    error_message = "tags must have keys and values of letters, digits, \"_\" and \"-\", together no longer than 254."
  }
}
