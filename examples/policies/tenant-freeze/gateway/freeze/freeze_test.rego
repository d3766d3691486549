package gateway.freeze_test

import data.gateway.example_test as example
import data.gateway.freeze

denied(frozen) := told if {
	told := freeze.deny with input as example.chat with data.freeze as {"tenants": frozen}
}

test_a_frozen_tenant_is_told_why if {
	denied({"acme": "a key has leaked"}) == {{
		"rule": "freeze.tenant",
		"message": "tenant acme is frozen: a key has leaked",
	}}
}

test_the_others_go_on if denied({"globex": "a key has leaked"}) == set()
