# Made by skysail. Change the service or the policy and plan again; what is changed here is lost.
module "service" {
  source = "./modules/kubernetes"

  deployment_id     = var.deployment_id
  name              = var.name
  size              = var.size
  region            = var.region
  zone              = var.zone
  arch              = var.arch
  spot              = var.spot
  boot_disk_gb      = var.boot_disk_gb
  data_disk         = var.data_disk
  ttl_seconds       = var.ttl_seconds
  instances         = var.instances
  service           = var.service
  ssh_from          = var.ssh_from
  ssh_public_key    = var.ssh_public_key
  ssh_host_keys     = var.ssh_host_keys
  tags              = var.tags
  resources         = var.resources
  max_instances     = var.max_instances
  probe             = var.probe
  create_namespace  = var.create_namespace
  secret_name       = var.secret_name
  image_pull_secret = var.image_pull_secret
  ingress_from      = var.ingress_from
  service_type      = var.service_type
  run_as_user       = var.run_as_user
  read_only_root    = var.read_only_root
  monitor           = var.monitor
  ready_seconds     = var.ready_seconds
}
