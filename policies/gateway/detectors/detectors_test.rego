package gateway.detectors_test

import data.gateway.detectors
import data.gateway.example_test as example

settings := {
	"dispensable": ["spare"],
	"tiers": {"gold": ["places"]},
	"tenants": {"acme": ["names"]},
	"scores": {"injection": {"attack": 0.8}},
}

told(facts, data_) := reasons if {
	reasons := detectors.deny with input as object.union(example.chat, facts)
		with data.detectors as data_
}

absent(name) := {{
	"rule": "detectors.absent",
	"message": concat(" ", [name, "can't look at the request at the moment"]),
	"status": 503,
}}

scored(score) := {"classifiers": {"injection": {"attack": score, "none": 0.99}}}

test_nobody_is_missing if told({"absent": []}, settings) == set()

test_who_does_not_answer_denies if told({"absent": ["other"]}, settings) == absent("other")

test_the_data_says_who_may_be_missing if {
	told({"absent": ["spare"]}, settings) == set()
	told({"absent": ["places"]}, settings) == set()
	told({"absent": ["names"]}, settings) == set()
	told({"absent": ["names", "other"]}, settings) == absent("other")
}

test_for_other_tiers_and_tenants_nobody_may if {
	other := {"principal": {"tier": "silver", "tenant": "hooli"}}
	told(object.union(other, {"absent": ["names"]}), settings) == absent("names")
	told(object.union(other, {"absent": ["places"]}), settings) == absent("places")
}

test_without_data_nobody_may if told({"absent": ["names"]}, {}) == absent("names")

test_a_score_over_the_bound_denies if {
	told(scored(0.81), settings) == {{
		"rule": "detectors.score",
		"message": "the request reads as attack",
	}}
}

test_a_score_up_to_the_bound_passes if told(scored(0.8), settings) == set()

test_without_a_bound_no_score_denies if told(scored(1), {"scores": {}}) == set()
