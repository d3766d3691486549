package gateway.context_test

import data.gateway.context
import data.gateway.example_test as example

drops := {"on_exceed": "drop_oldest", "room": 64}

denies := {"on_exceed": "deny", "room": 64}

shortened(facts, tiers, tenants) if {
	context.shortens with input as object.union(example.chat, facts)
		with data.context as {"tiers": tiers, "tenants": tenants}
}

test_a_chat_is_shortened_where_its_tier_says_so if shortened({}, {"gold": drops}, {})

test_it_is_not_where_nothing_says_so if {
	not shortened({}, {}, {})
	not shortened({}, {"gold": denies}, {})
	not shortened({}, {"silver": drops}, {"hooli": drops})
}

test_a_tenant_comes_before_its_tier if {
	shortened({}, {"gold": denies}, {"acme": drops})
	not shortened({}, {"gold": drops}, {"acme": denies})
}

test_a_tenant_is_enough if shortened({}, {}, {"acme": drops})

test_what_is_no_chat_has_no_turns if {
	not shortened({"request": {"operation": "completions"}}, {"gold": drops}, {})
}
