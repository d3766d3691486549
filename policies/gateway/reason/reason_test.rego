package gateway.reason_test

import data.gateway.example_test as example
import data.gateway.reason

test_over_reads_as_a_sentence if {
	told := reason.over("tokens.completion", "max_tokens", 900, 512) with input as example.chat
	told == {
		"rule": "tokens.completion",
		"message": "max_tokens 900 is over the 512 that tier gold allows",
	}
}

test_numbers_keep_their_fractions if {
	told := reason.over("parameters.temperature", "temperature", 1.9, 1.5) with input as example.chat
	told.message == "temperature 1.9 is over the 1.5 that tier gold allows"
}

test_whole_numbers_have_no_fraction if {
	told := reason.over("parameters.temperature", "temperature", 2.0, 1.0) with input as example.chat
	told.message == "temperature 2 is over the 1 that tier gold allows"
}

test_not_among_reads_as_a_sentence if {
	told := reason.not_among("x", "response_format", "json_schema") with input as example.chat
	told.message == "response_format json_schema is not among those that tier gold allows"
}

test_statuses if {
	reason.forbidden("x", "m") == {"rule": "x", "message": "m"}
	reason.not_found("x", "m").status == 404
	reason.exhausted("x", "m").status == 429
	reason.unavailable("x", "m").status == 503
	reason.hidden("x", "m") == {"rule": "x", "message": "m", "status": 404, "hidden": true}
}

test_reasons_are_sorted_by_rule if {
	told := reason.sorted({reason.forbidden("b", "1"), reason.forbidden("a", "2")})
	[one.rule | some one in told] == ["a", "b"]
}
