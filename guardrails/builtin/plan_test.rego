package builtin_test

import data.builtin

test_world[cidr] if {
	some cidr in ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/7", "::/0", "2000::/3", "8000::/1", "fc00::/6", "::ffff:0.0.0.0/96"]
	builtin.world(cidr)
}

test_not_world[cidr] if {
	some cidr in ["10.0.0.0/8", "203.0.113.0/24", "203.0.113.7/32", "203.0.113.7", "2001:db8::/32", "2001::/16", "fc00::/7", "fd00::/8", "::1"]
	not builtin.world(cidr)
}

test_readable[cidr] if {
	some cidr in ["0.0.0.0/0", "::/0", "203.0.113.7", "2001:DB8::1/128"]
	builtin.readable(cidr)
}

test_not_readable[name] if {
	some name, cidr in {"empty": "", "hidden": "(sensitive)", "null": null, "a name": "sg-12x", "no bits": "10.0.0.0/", "a number": 7}
	not builtin.readable(cidr)
}

test_both_places if {
	{r.address | some r in builtin.resources} == {"a", "b"} with input as {
		"resource_changes": [
			{"address": "a", "type": "t", "mode": "managed", "change": {"after": {"x": 1}}},
			{"address": "gone", "type": "t", "mode": "managed", "change": {"after": null}},
			{"address": "read", "type": "t", "mode": "data", "change": {"after": {"x": 1}}},
		],
		"planned_values": {"root_module": {"child_modules": [{"resources": [{"address": "b", "type": "t", "mode": "managed", "values": {"x": 1}}]}]}},
	}
}
