package gateway.admission_test

import data.gateway.admission
import data.gateway.example_test as example

decision(facts) := told if {
	told := admission.decision with input as facts
		with data.roles as example.roles
		with data.tiers as example.tiers
		with data.residency as {"undeclared": [], "tenants": {}}
		with data.networks as {"tenants": {}}
		with data.hours as {"tenants": {}, "tiers": {}}
		with data.routing as {}
		with data.catalog.models as example.models
}

test_without_a_model_there_is_no_route if decision(example.bare) == {"allow": true}

test_with_a_model_there_is_a_route if {
	decision(example.chat) == {
		"allow": true,
		"route": {"model": "chat", "version": "1", "cluster": "triton"},
	}
}

test_every_reason_is_listed_by_rule if {
	told := decision(object.union(example.chat, {
		"request": {"operation": "embeddings"},
		"principal": {"tier": "nonesuch"},
	}))
	told.allow == false
	[reason.rule | some reason in told.reasons] == [
		"rbac.api",
		"tier.unknown",
	]
}

test_no_facts_no_access if decision({}).allow == false

test_what_has_no_route_is_undecided if {
	told := admission.decision with input as example.chat with data.gateway.admission.reasons as set()
	told == {
		"allow": false,
		"reasons": [{"rule": "policy.undecided", "message": "no rule decided on this request"}],
	}
}
