package gateway.privacy_test

import data.gateway.example_test as example
import data.gateway.privacy

masking := {
	"treatment": "placeholder",
	"exempt_roles": ["officer"],
	"tenants": {"initech": {"treatment": "redact", "exempt_kinds": ["email"]}},
}

obliged(principal, sensitive) := told if {
	facts := object.union(example.chat, {"principal": principal, "sensitive": sensitive})
	told := privacy.obligations with input as facts with data.masking as masking
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
