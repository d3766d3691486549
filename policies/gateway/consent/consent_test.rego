package gateway.consent_test

import data.gateway.consent
import data.gateway.example_test as example

given(facts) := object.union(
	object.union(example.chat, {"sensitive": {"email": 1, "card": 1, "phone": 0}, "purpose": "support"}),
	facts,
)

agreed := {"principal": {"consent": {"purposes": ["support"], "expires": null}}}

rules(facts, without) := {reason.rule |
	some reason in consent.deny with input as given(facts)
		with data.consent as settings(without)
}

settings(without) := {
	"purposes": ["support", "billing"],
	"personal": ["email", "phone"],
	"without": "allow",
	"tenants": {"acme": without},
}

messages(facts) := {reason.message |
	some reason in consent.deny with input as given(facts)
		with data.consent as settings("deny")
}

# What is said where there is nothing of a consent to say.
told(facts, data_of_consent) := {reason.message |
	some reason in consent.deny with input as given(object.union({"sensitive": {"email": 0}}, facts))
		with data.consent as object.union(settings("allow"), data_of_consent)
}

test_personal_data_needs_a_consent if rules({}, "deny") == {"consent.missing"}

test_a_consent_covers_its_purposes if {
	rules(agreed, "deny") == set()
	rules(object.union(agreed, {"purpose": "billing"}), "deny") == {"consent.missing"}
}

test_a_consent_ends_with_its_last_day if {
	until("2026-03-03") == {"consent.missing"}
	until("2026-03-04") == set()
}

until(day) := rules({"principal": {"consent": {"purposes": ["support"], "expires": day}}}, "deny")

test_a_consent_that_was_withdrawn_covers_nothing if {
	rules({"principal": {"consent": {"purposes": [], "expires": null}}}, "deny") == {"consent.missing"}
}

test_without_a_purpose_nothing_is_covered if {
	facts := object.union(agreed, {"purpose": null})
	rules(facts, "deny") == {"consent.missing"}
	messages(facts) == {concat(" ", [
		"there is no consent to use data of kind email",
		"without a purpose: name it in x-request-purpose",
	])}
}

test_the_purpose_is_told if {
	messages({}) == {"there is no consent to use data of kind email for the purpose support"}
}

test_other_data_needs_none if rules({"sensitive": {"email": 0}}, "deny") == set()

test_a_tenant_that_does_not_ask_needs_none if {
	rules({"principal": {"tenant": "globex"}}, "deny") == set()
}

test_a_purpose_is_one_of_the_datas if {
	rules({"purpose": "fun", "sensitive": {"email": 0}}, "deny") == {"consent.purpose"}
}

test_a_purpose_that_there_is_not_is_told if {
	told({"purpose": "fun"}, {"purposes": ["support"]}) == {concat(" ", [
		"nothing is processed here for the purpose",
		"fun",
	])}
}

test_any_purpose_where_the_data_names_none if told({"purpose": "fun"}, {"purposes": []}) == set()

test_data_that_says_nothing_denies if {
	rules({}, "perhaps") == {"consent.unknown"}
	told({}, {"tenants": {"acme": "perhaps"}}) == {concat(" ", [
		"the policy's data does not say",
		"what becomes of personal data without a consent",
	])}
}

test_or_the_data_is_masked if {
	rules({}, "mask") == set()
	masked({}) == {{"type": "mask", "kinds": ["email"], "treatment": "redact"}}
	masked(agreed) == set()
	masked({"sensitive": {"email": 0}}) == set()
}

test_only_where_the_tenant_says_mask if {
	consent.obligations == set() with input as given({})
		with data.consent as settings("deny")
}

masked(facts) := told if {
	told := consent.obligations with input as given(facts) with data.consent as settings("mask")
}
