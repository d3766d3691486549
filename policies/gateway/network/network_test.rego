package gateway.network_test

import data.gateway.example_test as example
import data.gateway.network

denied(ip) := told if {
	told := network.deny with input as object.union(example.chat, {"source": {"ip": ip}})
		with data.networks as {"tenants": {"acme": ["192.0.2.0/24", "2001:db8::/32"]}}
}

test_inside if {
	denied("192.0.2.9") == set()
	denied("2001:db8::1") == set()
}

test_outside if {
	denied("203.0.113.7") == {{
		"rule": "network.source",
		"message": "tenant acme may not call from 203.0.113.7",
	}}
	count(denied("2001:db9::1")) == 1
}

test_a_tenant_without_networks_may_come_from_anywhere if {
	told := network.deny with input as example.chat with data.networks as {"tenants": {}}
	told == set()
}
