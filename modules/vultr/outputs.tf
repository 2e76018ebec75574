output "instances" {
  description = "The instances: ID and name at the provider, address, SSH access with the pinned host key, health URL, and where the logs are."
  value = [for i, r in vultr_instance.instance : {
    id         = r.id
    name       = r.label
    address    = r.main_ip
    ssh_user   = "skysail"
    ssh_port   = 22
    host_key   = trimspace(nonsensitive(var.ssh_host_keys[i].public_key))
    health_url = local.health_path == null ? null : "http://${r.main_ip}${local.health_path}"
    logs       = "journald:skysail-${var.name}.service"
  }]
}

output "health_url" {
  description = "The health URL of the first instance; null when there is none to ask from outside."
  value       = local.health_path == null ? null : "http://${vultr_instance.instance[0].main_ip}${local.health_path}"
}

output "provider_ids" {
  description = "IDs at the provider of everything made, by Terraform resource type."
  value = {
    vultr_instance       = vultr_instance.instance[*].id
    vultr_firewall_group = [vultr_firewall_group.service.id]
    vultr_firewall_rule  = [for k in sort(keys(vultr_firewall_rule.inbound)) : vultr_firewall_rule.inbound[k].id]
    vultr_ssh_key        = [vultr_ssh_key.client.id]
    vultr_block_storage  = vultr_block_storage.data[*].id
  }
}
