package gateway.context_test

import data.gateway.context
import data.gateway.example_test as example

drops := {"on_exceed": "drop_oldest", "room": 64}

denies := {"on_exceed": "deny", "room": 64}

obliged(facts, tiers, tenants) := told if {
	told := context.obligations with input as object.union(example.chat, facts)
		with data.context as {"tiers": tiers, "tenants": tenants}
		with data.tiers as example.tiers
}

dropping := {{"type": "context", "on_exceed": "drop_oldest", "max_prompt_tokens": 1000, "room": 64}}

test_a_chat_is_shortened_where_its_tier_says_so if {
	obliged({}, {"gold": drops}, {}) == dropping
}

test_it_is_not_where_nothing_says_so if {
	obliged({}, {}, {}) == set()
	obliged({}, {"gold": denies}, {}) == set()
	obliged({}, {"silver": drops}, {"hooli": drops}) == set()
}

test_a_tenant_comes_before_its_tier if {
	obliged({}, {"gold": denies}, {"acme": drops}) == dropping
	obliged({}, {"gold": drops}, {"acme": denies}) == set()
}

test_a_tenant_is_enough if obliged({}, {}, {"acme": drops}) == dropping

test_what_is_no_chat_has_no_turns if {
	obliged({"request": {"operation": "completions"}}, {"gold": drops}, {}) == set()
}
