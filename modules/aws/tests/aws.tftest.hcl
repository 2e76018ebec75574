# terraform init && terraform test, in this module's folder. The provider is
# replaced by a mock: no account is needed, and nothing is called.

mock_provider "aws" {
  mock_resource "aws_instance" {
    defaults = { id = "i-0abc", public_ip = "198.51.100.7" }
  }
  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "ami-0123456789abcdef0" }
  }
}

variables {
  deployment_id  = "d4k2m9x7qpb1"
  name           = "echo"
  size           = "m7i.large"
  region         = "us-east-1"
  instances      = 1
  ssh_from       = ["203.0.113.9/24", "203.0.113.0/24", "2001:db8::/48"]
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
  ssh_host_keys  = [{ private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n", public_key = "ssh-ed25519 AAAA0\n" }]
  tags           = { skysail-deployment = "d4k2m9x7qpb1", skysail-service = "echo" }
  service = {
    source  = { container = { image = "ghcr.io/acme/echo:1.4" } }
    ports   = [{ name = "http", number = 8080, public = true }, { name = "admin", number = 9090, public = false }]
    health  = { port = 8080, path = "/healthz" }
    env     = {}
    secrets = []
  }
}

# Before anything is applied: what is running keeps its image.
run "own_image" {
  command = plan
  variables {
    size  = "p3.2xlarge"
    image = "ami-0fedcba9876543210"
  }
  assert {
    condition     = aws_instance.instance[0].ami == "ami-0fedcba9876543210" && length(data.aws_ssm_parameter.image) == 0
    error_message = "var.image must win."
  }
}

run "firewall" {
  assert {
    condition = toset([for r in aws_vpc_security_group_ingress_rule.inbound : "${r.ip_protocol} ${r.from_port}-${r.to_port} ${r.cidr_ipv4 == null ? "-" : r.cidr_ipv4} ${r.cidr_ipv6 == null ? "-" : r.cidr_ipv6}"]) == toset([
      "tcp 22-22 203.0.113.0/24 -",
      "tcp 22-22 - 2001:db8::/48",
      "tcp 8080-8080 0.0.0.0/0 -",
      "tcp 8080-8080 - ::/0",
    ])
    error_message = "Only the public port is for the world, and SSH for ssh_from."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.outbound.ip_protocol == "-1" && aws_vpc_security_group_egress_rule.outbound.cidr_ipv4 == "0.0.0.0/0"
    error_message = "Without an outbound rule the instance reaches nothing."
  }
  assert {
    condition = (
      alltrue([for r in aws_vpc_security_group_ingress_rule.inbound : r.security_group_id == aws_security_group.service.id]) &&
      aws_instance.instance[0].vpc_security_group_ids == toset([aws_security_group.service.id])
    )
    error_message = "Rules and instance must be in the deployment's own group, and in no other."
  }
}

run "instance" {
  assert {
    condition = aws_instance.instance[0].tags == tomap({
      skysail = "true", skysail-deployment = "d4k2m9x7qpb1", skysail-service = "echo", Name = "skysail-d4k2m9x7qpb1-0"
    })
    error_message = "The instance must have all tags, by which it is found again."
  }
  assert {
    condition     = aws_instance.instance[0].volume_tags == aws_instance.instance[0].tags
    error_message = "A volume that outlives its instance must be found again."
  }
  assert {
    condition = (
      aws_key_pair.client.tags["skysail-deployment"] == "d4k2m9x7qpb1" && aws_key_pair.client.key_name == "skysail-d4k2m9x7qpb1" &&
      aws_security_group.service.tags["skysail-deployment"] == "d4k2m9x7qpb1" && aws_security_group.service.name == "skysail-d4k2m9x7qpb1" &&
      alltrue([for r in aws_vpc_security_group_ingress_rule.inbound : r.tags["skysail-deployment"] == "d4k2m9x7qpb1"])
    )
    error_message = "Everything must carry the deployment's tag and name."
  }
  assert {
    condition = (
      aws_instance.instance[0].ami == "ami-0123456789abcdef0" && aws_instance.instance[0].monitoring &&
      aws_instance.instance[0].metadata_options[0].http_tokens == "required" &&
      aws_instance.instance[0].metadata_options[0].http_put_response_hop_limit == 1
    )
    error_message = "The instance is not set up as documented."
  }
  assert {
    condition = (
      aws_instance.instance[0].root_block_device[0].encrypted && aws_instance.instance[0].root_block_device[0].volume_type == "gp3" &&
      aws_instance.instance[0].root_block_device[0].delete_on_termination && length(aws_instance.instance[0].ebs_block_device) == 0
    )
    error_message = "The boot disk must be encrypted and go with the instance."
  }
  assert {
    condition     = data.aws_ssm_parameter.image[0].name == "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
    error_message = "The image must be Ubuntu 24.04 for the service's architecture."
  }
  assert {
    condition     = length(aws_instance.instance[0].instance_market_options) == 0 && length(aws_instance.instance[0].credit_specification) == 0
    error_message = "Neither spot nor burst credits were asked for."
  }
  assert {
    # What gzip begins with: 1f 8b 08.
    condition     = startswith(nonsensitive(aws_instance.instance[0].user_data_base64), "H4sI")
    error_message = "user_data must be compressed: AWS takes 16 KiB only."
  }
}

run "disks_spot_zone_ttl" {
  variables {
    zone         = "us-east-1b"
    spot         = true
    boot_disk_gb = 40
    data_disk    = { size_gb = 100, path = "/srv/data" }
    ttl_seconds  = 3600
  }
  assert {
    condition     = aws_instance.instance[0].root_block_device[0].volume_size == 40 && aws_instance.instance[0].availability_zone == "us-east-1b"
    error_message = "Size of the boot disk or zone is not what was asked for."
  }
  assert {
    condition = alltrue([for d in aws_instance.instance[0].ebs_block_device :
      d.volume_size == 100 && d.encrypted && d.delete_on_termination && d.volume_type == "gp3"
    ]) && length(aws_instance.instance[0].ebs_block_device) == 1
    error_message = "The data disk must be encrypted and go with the instance."
  }
  assert {
    condition = (
      aws_instance.instance[0].instance_market_options[0].market_type == "spot" &&
      aws_instance.instance[0].instance_market_options[0].spot_options[0].spot_instance_type == "one-time" &&
      aws_instance.instance[0].instance_market_options[0].spot_options[0].instance_interruption_behavior == "terminate"
    )
    error_message = "A spot instance that comes back by itself would outlive its deployment."
  }
  assert {
    condition     = aws_instance.instance[0].instance_initiated_shutdown_behavior == "terminate"
    error_message = "An instance that powers off when its time is over must not stay and be paid for."
  }
  assert {
    condition = (
      strcontains(nonsensitive(module.cloudinit.user_data[0]), "ttl_seconds='3600'") && strcontains(nonsensitive(module.cloudinit.user_data[0]), "/srv/data") &&
      strcontains(nonsensitive(module.cloudinit.user_data[0]), "/dev/disk/by-id/nvme-nvme.1d0f-*")
    )
    error_message = "The instance must know its time to live, and where its disk is."
  }
}

run "burstable" {
  command = plan
  variables {
    size = "t4g.small"
    arch = "arm64"
  }
  assert {
    condition     = aws_instance.instance[0].credit_specification[0].cpu_credits == "standard"
    error_message = "Unlimited credits cost more than the price that was approved."
  }
  assert {
    condition     = data.aws_ssm_parameter.image[0].name == "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"
    error_message = "The image must be for the service's architecture."
  }
}

run "gpu_image" {
  command = plan
  variables {
    size = "g6.xlarge"
  }
  assert {
    condition     = data.aws_ssm_parameter.image[0].name == "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
    error_message = "A GPU needs the image with its driver."
  }
}

run "gpu_image_arm64" {
  command = plan
  variables {
    size = "g5g.xlarge"
    arch = "arm64"
  }
  assert {
    condition     = data.aws_ssm_parameter.image[0].name == "/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
    error_message = "A GPU needs the image with its driver."
  }
}

run "gpu_without_image" {
  command = plan
  variables {
    size = "p3.2xlarge"
  }
  expect_failures = [aws_instance.instance[0]]
}

run "outputs" {
  assert {
    condition = output.instances == [{
      id         = "i-0abc"
      name       = "skysail-d4k2m9x7qpb1-0"
      address    = "198.51.100.7"
      ssh_user   = "skysail"
      ssh_port   = 22
      host_key   = "ssh-ed25519 AAAA0"
      health_url = "http://198.51.100.7:8080/healthz"
      logs       = "journald:skysail-echo.service"
    }]
    error_message = "instances is not what every provider's module returns."
  }
  assert {
    condition = (
      output.health_url == "http://198.51.100.7:8080/healthz" && output.provider_ids.aws_instance == ["i-0abc"] &&
      length(output.provider_ids.aws_vpc_security_group_ingress_rule) == 4
    )
    error_message = "health_url or provider_ids is wrong."
  }
}

run "nobody_may_connect" {
  command = plan
  variables {
    ssh_from = []
  }
  expect_failures = [aws_security_group.service]
}

run "port_of_ssh" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "ssh", number = 22, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [aws_security_group.service]
}

run "too_few_host_keys" {
  command = plan
  variables {
    ssh_host_keys = []
  }
  expect_failures = [aws_instance.instance[0]]
}

run "boot_configuration_too_large" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = []
      env     = { for n in range(220) : "K${n}" => sha512("${n}") }
      secrets = []
    }
  }
  expect_failures = [aws_instance.instance[0]]
}
