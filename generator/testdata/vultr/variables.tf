variable "deployment_id" {
  description = "The deployment's ID; a tag on everything that carries tags, and part of every name."
  type        = string
}

variable "name" {
  description = "The service's name, a DNS label."
  type        = string
}

variable "size" {
  description = "The provider's name of the instance type."
  type        = string
}

variable "region" {
  description = "The provider's name of the region."
  type        = string
}

variable "instances" {
  description = "How many instances of the service to run."
  type        = number
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
}

variable "ssh_from" {
  description = "CIDR blocks that may open SSH connections to the instances."
  type        = list(string)
}

variable "ssh_public_key" {
  description = "The public half of the deployment's SSH client key, in OpenSSH format. Empty where no SSH is used."
  type        = string
}

variable "ssh_host_keys" {
  description = "The first SSH host key of each instance, Ed25519, so that the first connection is to a known key."
  type        = list(object({ private_key = string, public_key = string }))
  sensitive   = true
}

variable "tags" {
  description = "Tags of everything that carries tags; each becomes the tag string \"key:value\"."
  type        = map(string)
}
