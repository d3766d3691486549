package gateway.guard_test

import data.gateway.example_test as example
import data.gateway.guard

settings := {
	"score": 0.8,
	"invisible": 0,
	"denied_topics": ["weapons"],
	"links": "strip",
	"allowed_domains": [],
	"tiers": {"silver": {"score": 0.5, "denied_topics": []}},
	"tenants": {"hooli": {"links": "block", "allowed_domains": ["hooli.example"], "invisible": "never"}},
	"roles": {"tester": {"score": 0.9}, "breaker": {"score": "never"}},
	"exempt_roles": ["red-team"],
	"topics": {},
}

facts(guarded, principal) := object.union(example.chat, {"guard": guarded, "principal": principal})

denied(guarded, principal) := told if {
	told := guard.deny with input as facts(guarded, principal) with data.guard as settings
}

rules(guarded, principal) := example.rules(denied(guarded, principal))

obliged(principal) := told if {
	told := guard.obligations with input as facts({}, principal) with data.guard as settings
}

test_nothing_found_nothing_denied if denied({}, {}) == set()

test_what_nobody_looked_at_is_no_reason if {
	told := guard.deny with input as object.union(example.chat, {"guard": null})
		with data.guard as settings
	told == set()
}

test_an_attack_is_denied_from_the_score_on if {
	denied({"score": 0.8}, {}) == {{
		"rule": "guard.injection",
		"message": "the request reads like an attack on the model",
	}}
	denied({"score": 0.79}, {}) == set()
}

test_an_embedding_follows_no_instructions if {
	embeds := object.union(facts({"score": 1}, {}), {"request": {"operation": "embeddings"}})
	told := guard.deny with input as embeds with data.guard as settings
	told == set()
}

test_a_tier_has_its_own_score if {
	rules({"score": 0.5}, {"tier": "silver"}) == {"guard.injection"}
	rules({"score": 0.4}, {"tier": "silver"}) == set()
}

test_a_role_has_its_own_score if {
	rules({"score": 0.85}, {"roles": ["tester"]}) == set()
	rules({"score": 0.9}, {"roles": ["tester"]}) == {"guard.injection"}
	rules({"score": 0.85}, {"tier": "silver", "roles": ["tester"]}) == set()
}

test_of_several_roles_the_highest_holds if {
	rules({"score": 1}, {"roles": ["tester", "breaker"]}) == set()
}

test_invisible_text_is_denied if {
	denied({"invisible": 1}, {}) == {{
		"rule": "guard.invisible",
		"message": "the request holds invisible text",
	}}
	rules({"invisible": 9}, {"tenant": "hooli"}) == set()
}

test_a_denied_topic if {
	denied({"topics": ["weapons"]}, {}) == {{
		"rule": "guard.topic",
		"message": "the topic weapons may not be talked about",
	}}
	rules({"topics": ["weather"]}, {}) == set()
	rules({"topics": ["weapons"]}, {"tier": "silver"}) == set()
}

test_an_exempt_role_is_denied_nothing if {
	everything := {"score": 1, "invisible": 9, "topics": ["weapons"]}
	rules(everything, {"roles": ["red-team"]}) == set()
	rules(everything, {}) == {"guard.injection", "guard.invisible", "guard.topic"}
}

test_links_are_stripped if {
	obliged({}) == {{"type": "guard", "links": "strip", "allowed_domains": []}}
}

test_a_tenant_has_its_own_links if {
	obliged({"tenant": "hooli"}) == {{
		"type": "guard",
		"links": "block",
		"allowed_domains": ["hooli.example"],
	}}
}

test_links_may_pass if {
	passing := object.union(settings, {"links": "pass"})
	told := guard.obligations with input as example.chat with data.guard as passing
	told == set()
	none := guard.deny with input as example.chat with data.guard as passing
	none == set()
}

test_without_any_part_of_the_data_nothing_passes if {
	every key in ["score", "invisible", "denied_topics", "links", "allowed_domains"] {
		told := guard.deny with input as example.chat
			with data.guard as object.remove(settings, {key})
		told == {{
			"rule": "guard.unknown",
			"message": "the policy's data does not say what to guard against",
		}}
	}
	none := guard.deny with input as example.chat with data.guard as {}
	example.rules(none) == {"guard.unknown"}
}

test_data_of_the_wrong_kind_does_not_pass if {
	every wrong in [
		{"score": "always"},
		{"invisible": "some"},
		{"denied_topics": "weapons"},
		{"links": "keep"},
		{"allowed_domains": "example.com"},
	] {
		told := guard.deny with input as example.chat with data.guard as object.union(settings, wrong)
		example.rules(told) == {"guard.unknown"}
	}
}
