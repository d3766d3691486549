package gateway.privacy_test

import data.gateway.example_test as example
import data.gateway.privacy

masking := {
	"treatment": "placeholder",
	"kinds": {"ip": "note"},
	"exempt_roles": ["officer"],
	"tenants": {"initech": {"treatment": "redact", "kinds": {"email": "exempt"}}},
	"models": {"echo": {"treatment": "hash", "kinds": {"email": "hash", "ip": "redact"}}},
	"roles": {
		"tester": {"treatment": "stand_in", "kinds": {"email": "stand_in", "ip": "exempt"}},
		"strict": {"kinds": {"email": "redact"}},
		"loose": {"kinds": {"email": "exempt"}},
		"guard": {"treatment": "hash", "kinds": {"card": "block"}},
	},
	"answers": {
		"kinds": {"card": "redact", "secret": "redact"},
		"tenants": {"initech": {"kinds": {"card": "exempt"}}},
		"roles": {"guard": {"kinds": {"secret": "block"}}},
	},
}

obliged(principal, sensitive) := told if {
	facts := object.union(example.chat, {"principal": principal, "sensitive": sensitive})
	told := {obligation |
		some obligation in privacy.obligations with input as facts with data.masking as masking
		not obligation.direction
	}
}

# What answers are searched for, by treatment.
searched(principal) := told if {
	facts := object.union(example.chat, {"principal": principal})
	told := {obligation.treatment: obligation.kinds |
		some obligation in privacy.obligations with input as facts with data.masking as masking
		obligation.direction == "answer"
	}
}

# Treatments of the request, by kind.
treated(facts) := {kind: obligation.treatment |
	some obligation in privacy.obligations with input as object.union(example.chat, facts)
		with data.masking as masking
	not obligation.direction
	some kind in obligation.kinds
}

test_a_blocked_kind_is_denied if {
	facts := object.union(example.chat, {"sensitive": {"secret": 1, "email": 2}})
	told := privacy.deny with input as facts
		with data.tiers as example.tiers
		with data.masking as masking
	told == {{"rule": "privacy.kind", "message": "tier gold may not send data of kind secret"}}
}

test_a_kind_that_was_not_found_is_no_reason if {
	facts := object.union(example.chat, {"sensitive": {"secret": 0}})
	count(privacy.deny) == 0 with input as facts
		with data.tiers as example.tiers
		with data.masking as masking
}

test_every_kind_found_is_masked if {
	obliged({}, {"phone": 1, "email": 2, "iban": 0}) == {{
		"type": "mask",
		"kinds": ["email", "phone"],
		"treatment": "placeholder",
	}}
}

test_nothing_found_nothing_masked if obliged({}, {}) == set()

test_an_exempt_role_sees_everything if obliged({"roles": ["officer"]}, {"email": 1}) == set()

test_a_tenant_has_its_own_treatment if {
	obliged({"tenant": "initech"}, {"email": 1, "phone": 1}) == {{
		"type": "mask",
		"kinds": ["phone"],
		"treatment": "redact",
	}}
}

test_a_kind_may_have_its_own if {
	treated({"sensitive": {"ip": 1, "card": 1}}) == {"ip": "note", "card": "placeholder"}
}

test_a_model_may_have_its_own if {
	found := {"sensitive": {"ip": 1, "card": 1, "email": 1}, "model": {"name": "echo"}}
	treated(found) == {"ip": "redact", "card": "hash", "email": "hash"}
}

test_the_tenant_comes_before_the_model if {
	treated({
		"sensitive": {"ip": 1, "card": 1, "email": 1},
		"model": {"name": "echo"},
		"principal": {"tenant": "initech"},
	}) == {"ip": "redact", "card": "redact"}
}

test_a_role_comes_before_the_tenant if {
	treated({
		"sensitive": {"ip": 1, "card": 1, "email": 1},
		"principal": {"tenant": "initech", "roles": ["tester"]},
	}) == {"card": "stand_in", "email": "stand_in"}
}

test_of_two_roles_the_strictest_holds if {
	treated({
		"sensitive": {"email": 1, "phone": 1},
		"principal": {"roles": ["tester", "strict", "guard"]},
	}) == {"email": "redact", "phone": "hash"}
	treated({
		"sensitive": {"email": 1},
		"principal": {"roles": ["loose", "strict"]},
	}) == {"email": "redact"}
}

test_what_is_blocked_is_denied if {
	facts := object.union(
		example.chat,
		{"sensitive": {"card": 1, "email": 1}, "principal": {"roles": ["guard"]}},
	)
	told := privacy.deny with input as facts
		with data.tiers as example.tiers
		with data.masking as masking
	told == {{"rule": "privacy.blocked", "message": "data of kind card may not be sent"}}
	treated(facts) == {"email": "hash"}
}

test_answers_are_searched_for_what_is_named if searched({}) == {"redact": ["card", "secret"]}

test_of_a_tenant_for_less if searched({"tenant": "initech"}) == {"redact": ["secret"]}

test_of_a_role_otherwise if {
	searched({"roles": ["guard"]}) == {"redact": ["card"], "block": ["secret"]}
}

test_an_exempt_role_s_answers_are_not if searched({"roles": ["officer"]}) == {}

test_unknown_treatments_are_denied_wherever_they_stand if {
	unknown({"sensitive": {"card": 1}}, {"kinds": {"card": "hide"}})
	unknown({}, {"answers": {"kinds": {"card": "hide"}}})
	unknown({}, {"answers": {"kinds": {"card": "placeholder"}}})
	unknown({"principal": {"roles": ["odd", "tester"]}}, {"roles": {"odd": {"treatment": "hide"}}})
	not unknown({}, {})
	not unknown({"sensitive": {"ip": 1}}, {})
}

unknown(facts, data_of_masking) if {
	told := privacy.deny with input as object.union(example.chat, facts)
		with data.tiers as example.tiers
		with data.masking as object.union(masking, data_of_masking)
	example.rules(told) == {"masking.unknown"}
}

test_without_a_treatment_nothing_passes if {
	hidden := {"treatment": "hide", "exempt_roles": [], "tenants": {}}
	told := privacy.deny with input as example.chat with data.masking as hidden
	told == {{
		"rule": "masking.unknown",
		"message": "the policy's data does not say how to mask",
	}}
	none := privacy.deny with input as example.chat with data.masking as {}
	example.rules(none) == {"masking.unknown"}
}
