package gateway.inference_test

import data.gateway.example_test as example
import data.gateway.inference

decision(facts) := told if {
	told := inference.decision with input as object.union(example.chat, facts)
		with data.roles as example.roles
		with data.tiers as example.tiers
		with data.limits as example.limits
		with data.budgets as budgets
		with data.masking as {"treatment": "placeholder", "exempt_roles": [], "tenants": {}}
		with data.guard as example.guard
		with data.residency as {"undeclared": [], "tenants": {}}
		with data.networks as {"tenants": {}}
		with data.hours as {"tenants": {}, "tiers": {}}
		with data.routing as {}
		with data.catalog.models as example.models
}

# A team has a budget, and the tenant's lacks a key.
budgets := {
	"time_zone": "UTC",
	"anchor": 1,
	"tenants": {"broken": {"cost": 5}},
	"teams": {"acme": {"research": {"cost": 9, "on_exceed": "deny", "warn_at": []}}},
}

rules(facts) := [reason.rule | some reason in decision(facts).reasons]

test_an_allowed_request_has_a_route_and_obligations if {
	decision({}) == {
		"allow": true,
		"route": {"model": "chat", "version": "1", "cluster": "triton"},
		"obligations": [{
			"type": "limit",
			"name": "principal-requests",
			"key": "principal:acme/ada",
			"unit": "requests",
			"window": 60,
			"max": 20,
		}],
	}
}

test_obligations_come_in_the_order_of_their_types if {
	told := decision({
		"parameters": {"max_tokens": null},
		"tokens": {"max_completion": 900},
		"sensitive": {"email": 1},
	})
	[obligation.type | some obligation in told.obligations] == ["mask", "clamp", "limit"]
}

test_budgets_come_last if {
	told := decision({"principal": {"attributes": {"team": "research"}}})
	[obligation.name | some obligation in told.obligations] == ["principal-requests", "team-budget"]
}

test_no_whole_budget_no_access if {
	rules({"principal": {"tenant": "broken"}}) == ["budgets.incomplete"]
}

test_a_denied_request_has_neither if {
	object.keys(decision({"parameters": {"n": 9}})) == {"allow", "reasons"}
}

test_admission_is_part_of_it if {
	rules({"model": {"version": "2"}}) == ["model.version"]
}

test_every_rule_about_the_body if {
	told := rules({
		"parameters": {"n": 9, "max_tokens": 900},
		"tokens": {"prompt": 5000, "max_completion": 900},
		"sensitive": {"secret": 1},
		"usage": {"principal": {"day": {"tokens": 10000}}},
	})
	told == ["parameters.n", "privacy.kind", "tokens.completion", "tokens.prompt", "usage.day"]
}

test_who_is_asked_has_to_answer if rules({"absent": ["names"]}) == ["detectors.absent"]

test_the_guard_is_part_of_it if {
	rules({"guard": {"score": 0.9, "invisible": 3, "topics": ["weapons"]}}) == [
		"guard.injection",
		"guard.invisible",
		"guard.topic",
	]
}

test_no_limits_no_access if {
	rules({"principal": {"tier": "nonesuch"}}) == ["limits.unknown", "tier.unknown"]
}

test_no_model_no_access if rules({"model": null}) == ["facts.incomplete"]

# The gateway can't count the tokens of a model that isn't there. That alone must not tell it from
# one that is hidden.
test_the_body_says_nothing_about_an_unknown_model if {
	rules({"model": {"name": "missing"}, "tokens": null}) == ["model.unknown"]
	rules({"model": {"name": "missing"}, "parameters": {"n": 9}}) == ["model.unknown"]
}

test_what_has_no_route_is_undecided if {
	told := inference.decision with input as example.chat with data.gateway.inference.reasons as set()
	told == {
		"allow": false,
		"reasons": [{"rule": "policy.undecided", "message": "no rule decided on this request"}],
	}
}
