package gateway.limits_test

import data.gateway.example_test as example
import data.gateway.limits

test_a_tier_has_limits if {
	told := limits.obligations with input as example.chat with data.limits as example.limits
	told == [{
		"type": "limit",
		"name": "principal-requests",
		"key": "principal:acme/ada",
		"unit": "requests",
		"window": 60,
		"max": 20,
	}]
	count(limits.deny) == 0 with input as example.chat with data.limits as example.limits
}

test_a_tenant_may_have_its_own if {
	facts := object.union(example.chat, {"principal": {"tenant": "hooli"}})
	told := limits.obligations with input as facts with data.limits as example.limits
	[limit.key | some limit in told] == ["tenant:hooli"]
}

test_nothing_goes_without_limits if {
	told := limits.deny with input as example.chat with data.limits as {"tiers": {}, "tenants": {}}
	told == {{
		"rule": "limits.unknown",
		"message": "the limits of this tier or tenant are missing or incomplete in the policy's data",
	}}
}

test_one_whole_limit_does_not_make_up_for_another if {
	lacking := object.remove(example.limits.tiers.gold[0], {"max"})
	told := limits.deny with input as example.chat
		with data.limits as {"tiers": {"gold": [example.limits.tiers.gold[0], lacking]}, "tenants": {}}
	example.rules(told) == {"limits.unknown"}
}

test_a_limit_that_lacks_a_key_is_denied if {
	every key in object.keys(example.limits.tiers.gold[0]) {
		lacking := [object.remove(example.limits.tiers.gold[0], {key})]
		told := limits.deny with input as example.chat
			with data.limits as {"tiers": {"gold": lacking}, "tenants": {}}
		example.rules(told) == {"limits.unknown"}
	}
}
