package builtin

# AWS gives the instance's credentials only to who asks by IMDSv2: a request
# that a program is tricked into making gets none.
deny_imds contains {"msg": "the metadata service answers without a token (IMDSv1)", "address": r.address} if {
	some r in of_type("aws_instance")
	not tokens_required(r.values)
}

tokens_required(values) if {
	some m in list(values, "metadata_options")
	m.http_tokens == "required"
}

tokens_required(values) if {
	some m in list(values, "metadata_options")
	m.http_endpoint == "disabled"
}
