variable "resources" {
  description = "What one instance needs: vCPU, GiB of memory, GiB of its own file system (0 is no limit), and GPUs by count, model and GiB of memory of one."
  type = object({
    cpu        = number
    memory_gb  = number
    storage_gb = number
    gpu        = optional(object({ count = number, model = optional(string), memory_gb = optional(number) }))
  })

  validation {
    condition     = var.resources.cpu > 0 && var.resources.memory_gb > 0 && var.resources.storage_gb >= 0
    error_message = "resources needs a cpu and a memory_gb of more than 0, and a storage_gb that is not negative."
  }
  validation {
    condition = var.resources.gpu == null || (
      try(var.resources.gpu.count >= 1 && floor(var.resources.gpu.count) == var.resources.gpu.count, false) &&
      can(regex("^[A-Za-z0-9 ._-]*$", coalesce(try(var.resources.gpu.model, null), "-")))
    )
    error_message = "resources.gpu needs a whole count of at least 1, and a model of letters, digits, spaces, dots and dashes."
  }
}

variable "max_instances" {
  description = "How many instances an autoscaler may make of it, by their use of CPU; null is none beyond instances."
  type        = number
  default     = null

  validation {
    condition     = var.max_instances == null || try(var.max_instances >= 1 && floor(var.max_instances) == var.max_instances, false)
    error_message = "max_instances must be a whole number of at least 1."
  }
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

  validation {
    condition = var.probe == null || (
      contains(["http", "https", "tcp", "grpc"], try(var.probe.type, "")) &&
      contains([for p in var.service.ports : p.number], try(var.probe.port, 0)) &&
      (can(regex("^/[!-~]*$", try(var.probe.path, ""))) || !startswith(try(var.probe.type, ""), "http"))
    )
    error_message = "probe needs a type of http, https, tcp or grpc, the number of one of service.ports, and for http and https a path that starts with / and holds printable ASCII only."
  }
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

  validation {
    condition     = var.secret_name == null || can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", var.secret_name))
    error_message = "secret_name must be a Secret's name: lower-case letters, digits, \".\" and \"-\"."
  }
}

variable "image_pull_secret" {
  description = "An existing Secret of type kubernetes.io/dockerconfigjson with which the image is pulled; null is none."
  type        = string
  default     = null

  validation {
    condition     = var.image_pull_secret == null || can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", var.image_pull_secret))
    error_message = "image_pull_secret must be a Secret's name: lower-case letters, digits, \".\" and \"-\"."
  }
}

variable "ingress_from" {
  description = "CIDR blocks that may reach public ports. The whole of the internet includes every pod of the cluster."
  type        = list(string)
  default     = ["0.0.0.0/0", "::/0"]

  validation {
    condition     = alltrue([for c in var.ingress_from : can(cidrhost(c, 0))])
    error_message = "ingress_from must hold CIDR blocks such as 203.0.113.0/24 or 2001:db8::/48."
  }
}

variable "service_type" {
  description = "How public ports are reached from outside of the cluster: ClusterIP (not at all), NodePort or LoadBalancer."
  type        = string
  default     = "ClusterIP"

  validation {
    condition     = contains(["ClusterIP", "NodePort", "LoadBalancer"], var.service_type)
    error_message = "service_type must be ClusterIP, NodePort or LoadBalancer."
  }
}

variable "run_as_user" {
  description = "The number of the user that the container runs as; null is the image's own, which must not be root."
  type        = number
  default     = null

  validation {
    condition     = var.run_as_user == null || try(var.run_as_user >= 1 && floor(var.run_as_user) == var.run_as_user, false)
    error_message = "run_as_user must be a whole number of at least 1: root is refused."
  }
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

  validation {
    condition     = var.monitor == null || contains(["PodMonitor", "ServiceMonitor"], try(var.monitor.kind, ""))
    error_message = "monitor.kind must be PodMonitor or ServiceMonitor."
  }
}

variable "ready_seconds" {
  description = "How long Helm waits until all instances are ready, before it takes the release back."
  type        = number
  default     = 300

  validation {
    condition     = var.ready_seconds >= 1 && floor(var.ready_seconds) == var.ready_seconds
    error_message = "ready_seconds must be a whole number of at least 1."
  }
}
