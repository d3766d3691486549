package gateway.tokens_test

import data.gateway.example_test as example
import data.gateway.tokens

clamping := object.union(example.tiers, {"gold": {"over_max_tokens": "clamp"}})

denied(facts, tiers) := told if {
	told := tokens.deny with input as object.union(example.chat, facts) with data.tiers as tiers
}

obliged(facts, tiers) := told if {
	told := tokens.obligations with input as object.union(example.chat, facts)
		with data.tiers as tiers
}

test_a_short_request_passes if {
	denied({}, example.tiers) == set()
	obliged({}, example.tiers) == set()
}

test_a_long_prompt_is_denied if {
	denied({"tokens": {"prompt": 1000}}, example.tiers) == set()
	denied({"tokens": {"prompt": 1001}}, example.tiers) == {{
		"rule": "tokens.prompt",
		"message": "a prompt of 1001 tokens is over the 1000 that tier gold allows",
	}}
}

test_a_long_chat_that_is_shortened_is_not if {
	drops := {"tiers": {"gold": {"on_exceed": "drop_oldest", "room": 64}}, "tenants": {}}
	told := tokens.deny with input as object.union(example.chat, {"tokens": {"prompt": 1001}})
		with data.tiers as example.tiers
		with data.context as drops
	told == set()
}

test_a_chat_is_shortened_to_what_the_tier_allows if {
	drops := {"tiers": {"gold": {"on_exceed": "drop_oldest", "room": 64}}, "tenants": {}}
	told := tokens.obligations with input as example.chat
		with data.tiers as example.tiers
		with data.context as drops
	told == {{
		"type": "context",
		"on_exceed": "drop_oldest",
		"max_prompt_tokens": 1000,
		"room": 64,
	}}
}

test_a_text_is_not_shortened if {
	drops := {"tiers": {"gold": {"on_exceed": "drop_oldest", "room": 64}}, "tenants": {}}
	facts := object.union(example.chat, {"request": {"operation": "completions"}})
	told := tokens.obligations with input as facts
		with data.tiers as example.tiers
		with data.context as drops
	told == set()
}

# `models` differ, and the kind of the backend that has the model is `kind`.
settled(facts, kind, models) := told if {
	told := tokens.obligations with input as object.union(example.chat, facts)
		with data.tiers as example.tiers
		with data.catalog.models as object.union(example.models, {"chat": {"backend_kind": kind}})
		with data.settlement as {
			"kinds": {"openai": "backend", "triton": "larger"},
			"several_choices": {"openai": "larger"},
			"models": models,
		}
}

charged_by(by) := {{"type": "settle", "by": by}}

estimate := {"tokens": {"exact": false}}

two_choices := {"parameters": {"n": 2}}

test_the_kind_of_backend_says_whose_count_is_charged if {
	settled(estimate, "openai", {}) == charged_by("backend")
	settled(estimate, "triton", {}) == charged_by("larger")
}

test_the_tokenizer_makes_no_difference if {
	settled({}, "openai", {}) == charged_by("backend")
	settled({}, "triton", {}) == set()
}

test_several_choices_may_be_charged_by_another if {
	settled(object.union(estimate, two_choices), "openai", {}) == charged_by("larger")
	settled(object.union(estimate, two_choices), "triton", {"vault": "backend"}) == charged_by("larger")
	settled(two_choices, "openai", {}) == set()
	settled({"parameters": {"n": 1}}, "openai", {}) == charged_by("backend")
}

test_a_model_may_differ_from_its_kind if {
	settled({}, "triton", {"chat": "backend"}) == charged_by("backend")
	settled(two_choices, "openai", {"chat": "backend"}) == charged_by("backend")
	settled(estimate, "openai", {"chat": "larger"}) == charged_by("larger")
	settled(estimate, "triton", {"vault": "backend"}) == charged_by("larger")
}

# What is no word of the gateway's is refused by it, and never read as one.
test_another_word_goes_on if settled({}, "triton", {"chat": "smaller"}) == charged_by("smaller")

test_what_the_data_do_not_say_is_charged_by_the_larger if {
	settled(estimate, "nonesuch", {}) == charged_by("larger")
	settled({}, "nonesuch", {}) == set()
	told := tokens.obligations with input as object.union(example.chat, estimate)
		with data.tiers as example.tiers
		with data.catalog.models as example.models
		with data.settlement as {}
	told == charged_by("larger")
}

asking(max_tokens) := {
	"parameters": {"max_tokens": max_tokens},
	"tokens": {"max_completion": max_tokens},
}

test_a_long_answer_is_denied if {
	denied(asking(500), example.tiers) == set()
	denied(asking(501), example.tiers) == {{
		"rule": "tokens.completion",
		"message": "max_tokens 501 is over the 500 that tier gold allows",
	}}
}

test_a_long_answer_is_clamped_where_the_tier_says_so if {
	denied(asking(501), clamping) == set()
	obliged(asking(501), clamping) == {{"type": "clamp", "max_tokens": 500}}
	obliged(asking(500), clamping) == set()
}

test_an_unnamed_length_is_clamped if {
	facts := {"parameters": {"max_tokens": null}, "tokens": {"max_completion": 900}}
	denied(facts, example.tiers) == set()
	obliged(facts, example.tiers) == {{"type": "clamp", "max_tokens": 500}}
}

# Two choices of 400 are 800 tokens, and neither is too long.
test_choices_are_clamped_one_by_one if {
	facts := {"parameters": {"max_tokens": 400, "n": 2}, "tokens": {"max_completion": 800}}
	obliged(facts, example.tiers) == set()
}

test_each_choice_may_be_as_long_as_the_tier_allows if {
	facts := {"parameters": {"max_tokens": 500, "n": 2}, "tokens": {"max_completion": 1000}}
	obliged(facts, example.tiers) == set()
}

test_an_unnamed_length_that_fits_is_left_alone if {
	facts := {"parameters": {"max_tokens": null}, "tokens": {"max_completion": 500}}
	obliged(facts, example.tiers) == set()
}
