locals {
  release   = "skysail-${var.deployment_id}"
  context   = var.region
  namespace = var.size

  max_instances = max(var.instances, coalesce(var.max_instances, 0))

  # Through JSON, since the two are of different types.
  health = jsondecode(var.probe == null ? jsonencode(var.service.health) : jsonencode({ for k, v in var.probe : k => v if v != null }))
}

resource "helm_release" "service" {
  name             = local.release
  chart            = "${path.module}/chart"
  namespace        = local.namespace
  create_namespace = var.create_namespace

  # What does not become ready is taken back: a failed install is removed, a
  # failed upgrade rolled back.
  atomic          = true
  wait            = true
  cleanup_on_fail = true
  timeout         = var.ready_seconds
  max_history     = 5

  # No secret is here: the chart refers to one by its name.
  values = [yamlencode({
    name            = var.name
    deployment      = var.deployment_id
    image           = try(var.service.source.container.image, "")
    arch            = var.arch
    env             = var.service.env
    secrets         = var.service.secrets
    secretName      = var.secret_name == null ? "" : var.secret_name
    imagePullSecret = var.image_pull_secret == null ? "" : var.image_pull_secret
    ports           = var.service.ports
    health          = local.health
    instances       = { min = var.instances, max = local.max_instances }
    resources       = var.resources
    disk            = var.data_disk
    access = {
      ingress     = distinct([for c in var.ingress_from : "${cidrhost(c, 0)}/${split("/", c)[1]}"])
      serviceType = var.service_type
    }
    runAsUser              = var.run_as_user
    readOnlyRootFilesystem = var.read_only_root
    readySeconds           = var.ready_seconds
    monitor                = var.monitor
  })]

  lifecycle {
    precondition {
      condition     = var.service.source.container != null
      error_message = "A cluster runs container images, and the service's source is a native archive. Build an image of it, or take another provider."
    }
    precondition {
      condition     = length(var.service.secrets) == 0 || var.secret_name != null
      error_message = "The service has secrets, and secret_name names no Secret that holds them."
    }
    precondition {
      condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.size))
      error_message = "size is the namespace here: lower-case letters, digits and \"-\", at most 63."
    }
    precondition {
      condition     = !var.spot && var.zone == null && var.boot_disk_gb == 0
      error_message = "A cluster has no interruptible capacity, zones and boot disks to choose. Leave spot, zone and boot_disk_gb out."
    }
    precondition {
      condition     = var.max_instances == null || coalesce(var.max_instances, var.instances) >= var.instances
      error_message = "max_instances must not be less than instances."
    }
  }
}
