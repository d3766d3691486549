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

team := {"principal": {"attributes": {"team": "blue", "user": "ada@acme"}}}

keyed(names, facts) := told if {
	told := limits.key(names) with input as object.union(example.chat, facts)
		with data.tiers as example.tiers
		with data.catalog.models as example.models
}

test_a_key_is_made_of_facts if {
	keyed(["tenant", "model"], {}) == "tenant:acme|model:chat"
	keyed(["team", "user"], team) == "team:blue|user:ada@acme"
	keyed(["principal", "key"], {}) == "principal:acme/ada|key:acme/ada"
	keyed(["tier", "region", "pool"], {}) == "tier:gold|region:north|pool:shared"
	keyed(["version"], {}) == "version:1"
}

test_what_separates_facts_is_doubled_in_them if {
	keyed(["principal"], {"principal": {"id": "acme/x|model:chat"}}) == "principal:acme/x||model:chat"
	keyed(["principal", "model"], {"principal": {"id": "acme/x|"}}) == "principal:acme/x|||model:chat"
	sharp := {"principal": {"attributes": {"team": "|a|", "user": "b"}}}
	keyed(["team", "user"], sharp) == "team:||a|||user:b"
}

test_a_user_is_the_principal_where_nothing_else_is_said if {
	keyed(["user"], {}) == "user:acme/ada"
}

test_a_fact_that_is_not_there_makes_no_key if {
	not keyed(["tenant", "team"], {})
	not keyed(["region"], {"principal": {"region": null}})
}

test_a_limit_by_a_missing_fact_is_denied if {
	by_team := [object.union(example.limits.tiers.gold[0], {"of": ["team"]})]
	told := limits.deny with input as example.chat
		with data.limits as {"tiers": {"gold": by_team}, "tenants": {}}
	example.rules(told) == {"limits.unknown"}
}

test_what_happens_at_a_limit_is_passed_on if {
	soft := object.union(example.limits.tiers.gold[0], {"on_exceed": "warn", "warn_at": [80]})
	[told] := limits.obligations with input as example.chat
		with data.limits as {"tiers": {"gold": [soft]}, "tenants": {}}
	told.on_exceed == "warn"
	told.warn_at == [80]
	not told.of
}
