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

variable "zone" {
  description = "The zone of the region; null lets the provider choose. Ignored where a provider has no zones."
  type        = string
  default     = null
}

variable "arch" {
  description = "What the service's program is built for: amd64 or arm64. The image follows it."
  type        = string
  default     = "amd64"
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
}

variable "data_disk" {
  description = "A disk for each instance beside its boot disk, and where the service finds it; null is none."
  type        = object({ size_gb = number, path = string })
  default     = null
}

variable "ttl_seconds" {
  description = "How long the instances may exist. Where a provider can end them by itself it is told to; null is without end."
  type        = number
  default     = null
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

variable "resources" {
  description = "What one instance needs: vCPU, GiB of memory, GiB of its own file system (0 is no limit), and GPUs by count, model and GiB of memory of one."
  type = object({
    cpu        = number
    memory_gb  = number
    storage_gb = number
    gpu        = optional(object({ count = number, model = optional(string), memory_gb = optional(number) }))
  })
}

variable "max_instances" {
  description = "How many instances an autoscaler may make of it, by their use of CPU; null is none beyond instances."
  type        = number
  default     = null
}

variable "probe" {
  description = "How the kubelet asks whether an instance is healthy, where a GET of service.health is not how: type http, https, tcp or grpc, the port's number, and path and headers of a GET or the service's name of grpc.health.v1."
  type = object({
    type    = string
    port    = number
    path    = optional(string)
    headers = optional(map(string))
    service = optional(string)
  })
  default = null
}

variable "create_namespace" {
  description = "Let Helm make the namespace where it is missing. It stays when the release is removed."
  type        = bool
  default     = false
}

variable "secret_name" {
  description = "The existing Secret that holds the values of service.secrets, each under its name; null where there are none."
  type        = string
  default     = null
}

variable "image_pull_secret" {
  description = "An existing Secret of type kubernetes.io/dockerconfigjson with which the image is pulled; null is none."
  type        = string
  default     = null
}

variable "ingress_from" {
  description = "CIDR blocks that may reach public ports. The whole of the internet includes every pod of the cluster."
  type        = list(string)
  default     = ["0.0.0.0/0", "::/0"]
}

variable "service_type" {
  description = "How public ports are reached from outside of the cluster: ClusterIP (not at all), NodePort or LoadBalancer."
  type        = string
  default     = "ClusterIP"
}

variable "run_as_user" {
  description = "The number of the user that the container runs as; null is the image's own, which must not be root."
  type        = number
  default     = null
}

variable "read_only_root" {
  description = "Let the container write to /tmp and its data disk only."
  type        = bool
  default     = false
}

variable "monitor" {
  description = "Make a PodMonitor or ServiceMonitor of the Prometheus Operator, where the service has a port of that name; null is none."
  type        = object({ kind = string, port = string, path = string, labels = map(string) })
  default     = null
}

variable "ready_seconds" {
  description = "How long Helm waits until all instances are ready, before it takes the release back."
  type        = number
  default     = 300
}
