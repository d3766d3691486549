package gateway.usage_test

import data.gateway.example_test as example
import data.gateway.usage

denied(tokens) := told if {
	facts := object.union(example.chat, {"usage": {"principal": {"day": {"tokens": tokens}}}})
	told := usage.deny with input as facts with data.tiers as example.tiers
}

test_below_the_daily_amount if denied(9999) == set()

test_the_daily_amount_is_used_up if {
	denied(10000) == {{
		"rule": "usage.day",
		"message": "the 10000 tokens of the last day use up the 10000 that tier gold allows",
		"status": 429,
	}}
}
