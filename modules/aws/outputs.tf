output "instances" {
  description = "The instances: ID and name at the provider, address, SSH access with the pinned host key, health URL, and where the logs are."
  value = [for i, r in aws_instance.instance : {
    id         = r.id
    name       = r.tags.Name
    address    = r.public_ip
    ssh_user   = "skysail"
    ssh_port   = 22
    host_key   = trimspace(nonsensitive(var.ssh_host_keys[i].public_key))
    health_url = local.health_path == null ? null : "http://${r.public_ip}${local.health_path}"
    logs       = "journald:skysail-${var.name}.service"
  }]
}

output "health_url" {
  description = "The health URL of the first instance; null when there is none to ask from outside."
  value       = local.health_path == null ? null : "http://${aws_instance.instance[0].public_ip}${local.health_path}"
}

output "provider_ids" {
  description = "IDs at the provider of everything made, by Terraform resource type."
  value = {
    aws_instance                        = aws_instance.instance[*].id
    aws_security_group                  = [aws_security_group.service.id]
    aws_vpc_security_group_ingress_rule = [for k in sort(keys(aws_vpc_security_group_ingress_rule.inbound)) : aws_vpc_security_group_ingress_rule.inbound[k].id]
    aws_vpc_security_group_egress_rule  = [aws_vpc_security_group_egress_rule.outbound.id]
    aws_key_pair                        = [aws_key_pair.client.key_pair_id]
  }
}
