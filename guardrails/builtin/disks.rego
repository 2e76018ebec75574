package builtin

# Disks are encrypted wherever that is a choice: on AWS. Google encrypts all
# disks, DigitalOcean all volumes; a droplet's own disk and Vultr's disks have
# no such setting (docs/guardrails.md).
deny_disk_clear contains {"msg": msg, "address": r.address} if {
	some r in of_type("aws_instance")
	some block in ["root_block_device", "ebs_block_device"]
	some disk in list(r.values, block)
	not disk.encrypted == true
	msg := sprintf("%s is not encrypted", [block])
}

# Without the block the image decides.
deny_disk_clear contains {"msg": "root_block_device does not say encrypted = true", "address": r.address} if {
	some r in of_type("aws_instance")
	count(list(r.values, "root_block_device")) == 0
}

deny_disk_clear contains {"msg": "the volume is not encrypted", "address": r.address} if {
	some r in of_type("aws_ebs_volume")
	not r.values.encrypted == true
}
