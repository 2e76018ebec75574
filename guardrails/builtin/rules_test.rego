package builtin_test

import data.builtin

ingress(cidr, from, to) := planned("aws_vpc_security_group_ingress_rule", {"cidr_ipv4": cidr, "ip_protocol": "tcp", "from_port": from, "to_port": to})

rule := planned("aws_vpc_security_group_ingress_rule", {"cidr_ipv4": "(sensitive)", "ip_protocol": "tcp", "from_port": 1, "to_port": 1})

instance(values) := planned("aws_instance", values)

test_ssh_open if count(builtin.deny_ssh_open) == 1 with input as ingress("0.0.0.0/0", 22, 22)

test_ssh_in_a_range if count(builtin.deny_ssh_open) == 1 with input as ingress("0.0.0.0/1", 0, 1024)

test_ssh_from_a_network if count(builtin.deny_ssh_open) == 0 with input as ingress("203.0.113.0/24", 22, 22)

test_other_port if count(builtin.deny_ssh_open) == 0 with input as ingress("0.0.0.0/0", 8080, 8080)

test_unknown_source if count(builtin.deny_unknown_source) == 1 with input as rule

test_undeclared_port if {
	service := {"ports": [{"number": 8080, "public": true}, {"number": 9000, "public": false}]}
	count(builtin.deny_undeclared_port) == 0 with input as ingress("0.0.0.0/0", 8080, 8080) with data.skysail.service as service
	count(builtin.deny_undeclared_port) == 0 with input as ingress("10.0.0.0/8", 7000, 7000) with data.skysail.service as service
	count(builtin.deny_undeclared_port) == 1 with input as ingress("0.0.0.0/0", 9000, 9000) with data.skysail.service as service
	count(builtin.deny_undeclared_port) == 1 with input as ingress("0.0.0.0/0", 8080, 8081) with data.skysail.service as service
	count(builtin.deny_undeclared_port) == 0 with input as ingress("0.0.0.0/0", 9000, 9000)
}

test_disks if {
	count(builtin.deny_disk_clear) == 0 with input as instance({"root_block_device": [{"encrypted": true}]})
	count(builtin.deny_disk_clear) == 1 with input as instance({"root_block_device": [{"encrypted": null}]})
	count(builtin.deny_disk_clear) == 1 with input as instance({})
	count(builtin.deny_disk_clear) == 1 with input as planned("aws_ebs_volume", {"encrypted": false})
}

test_metadata if {
	count(builtin.deny_imds) == 0 with input as instance({"metadata_options": [{"http_tokens": "required"}]})
	count(builtin.deny_imds) == 0 with input as instance({"metadata_options": [{"http_endpoint": "disabled"}]})
	count(builtin.deny_imds) == 1 with input as instance({"metadata_options": [{"http_tokens": "optional"}]})
}

test_tags if {
	count(builtin.deny_untagged) == 0 with input as instance({"tags": {"skysail-deployment": "d1"}}) with data.skysail.deployment as "d1"
	count(builtin.deny_untagged) == 1 with input as instance({"tags": null}) with data.skysail.deployment as "d1"
	count(builtin.deny_untagged) == 0 with input as planned("vultr_instance", {"tags": ["skysail-deployment:d1"]}) with data.skysail.deployment as "d1"
	count(builtin.deny_untagged) == 0 with input as planned("vultr_ssh_key", {"name": "x"}) with data.skysail.deployment as "d1"
}

test_price if {
	count(builtin.deny_price) == 1 with data.skysail as {"candidate": {"price_usd_hour": 1.5}, "limits": {"max_hourly_usd": 1}}
	count(builtin.deny_price) == 0 with data.skysail as {"candidate": {"price_usd_hour": 1}, "limits": {"max_hourly_usd": 1}}
	count(builtin.deny_price) == 0 with data.skysail as {"candidate": {"price_usd_hour": 1}, "limits": {}}
}

test_regions if {
	facts := {"candidate": {"provider": "aws", "region": "eu-west-1"}, "limits": {"regions": ["us-*"]}}
	count(builtin.deny_region) == 1 with data.skysail as facts with input as {}
	count(builtin.deny_region) == 0 with data.skysail as object.union(facts, {"limits": {"regions": ["us-*", "eu-*"]}}) with input as {}
	count(builtin.deny_region) == 0 with data.skysail as object.union(facts, {"candidate": {"provider": "local"}}) with input as {}
}

test_provisioners if {
	resource := {"address": "x", "provisioners": [{"type": "remote-exec"}]}
	count(builtin.deny_provisioner) == 1 with input as {"configuration": {"root_module": {"module_calls": {"m": {"module": {"resources": [resource]}}}}}}
	count(builtin.deny_provisioner) == 0 with input as {"configuration": {"root_module": {"resources": [{"address": "x"}]}}}
}

test_providers if {
	config := {"aws": {"full_name": "registry.terraform.io/hashicorp/aws", "version_constraint": "6.59.0"}}
	count(builtin.deny_provider) == 0 with input.configuration.provider_config as config with data.skysail.providers as {"hashicorp/aws": "6.59.0"}
	count(builtin.deny_provider) == 1 with input.configuration.provider_config as config with data.skysail.providers as {"hashicorp/aws": "6.60.0"}
	count(builtin.deny_provider) == 1 with input.configuration.provider_config as config with data.skysail.providers as {"vultr/vultr": "2.32.0"}
}

release(values) := planned("helm_release", object.union({"name": "skysail-d1", "chart": "modules/kubernetes/chart", "values": ["deployment: d1"]}, values))

test_release if {
	count(builtin.deny_chart) == 0 with input as release({})
	count(builtin.deny_chart) == 1 with input as release({"chart": "nginx"})
	count(builtin.deny_chart) == 1 with input as release({"repository": "https://charts.example.com"})
	count(builtin.deny_release_values) == 0 with input as release({})
	count(builtin.deny_release_values) == 1 with input as release({"set": [{"name": "runAsUser", "value": "0"}]})
	count(builtin.deny_release_values) == 1 with input as release({"values": ["a: ["]})
	count(builtin.deny_release_values) == 1 with input as release({"values": ["a: 1", "b: 2"]})
	count(builtin.deny_root) == 1 with input as release({"values": ["runAsUser: 0"]})
	count(builtin.deny_root) == 0 with input as release({"values": ["runAsUser: null"]})
	count(builtin.deny_untagged) == 0 with input as release({}) with data.skysail.deployment as "d1"
	count(builtin.deny_untagged) == 1 with input as release({"values": ["deployment: d2"]}) with data.skysail.deployment as "d1"
	count(builtin.deny_untagged) == 1 with input as release({"name": "other"}) with data.skysail.deployment as "d1"
}

port(number) := release({"values": [sprintf("{ports: [{number: %d, public: true}, {number: 1, public: false}], access: {ingress: [\"0.0.0.0/0\"]}}", [number])]})

test_release_ports if {
	service := {"ports": [{"number": 8080, "public": true}]}
	count(builtin.deny_undeclared_port) == 0 with input as port(8080) with data.skysail.service as service
	count(builtin.deny_undeclared_port) == 1 with input as port(9000) with data.skysail.service as service
}
