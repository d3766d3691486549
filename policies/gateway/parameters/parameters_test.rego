package gateway.parameters_test

import data.gateway.example_test as example
import data.gateway.parameters

denied(asked) := told if {
	told := parameters.deny with input as object.union(example.chat, {"parameters": asked})
		with data.tiers as example.tiers
}

test_what_the_tier_allows_passes if {
	denied({
		"temperature": 1.5,
		"n": 2,
		"inputs": 3,
		"tools": 4,
		"response_format": "text",
	}) == set()
}

test_an_unnamed_temperature_passes if denied({"temperature": null}) == set()

test_what_is_over_is_denied if {
	example.rules(denied({"temperature": 1.6})) == {"parameters.temperature"}
	example.rules(denied({"n": 3})) == {"parameters.n"}
	example.rules(denied({"inputs": 4})) == {"parameters.inputs"}
	example.rules(denied({"tools": 5})) == {"parameters.tools"}
	example.rules(denied({"response_format": "json_schema"})) == {"parameters.response_format"}
}

test_every_reason_is_given if {
	asked := {"temperature": 1.6, "n": 3, "inputs": 4, "tools": 5, "response_format": "json_schema"}
	{reason.message | some reason in denied(asked)} == {
		"temperature 1.6 is over the 1.5 that tier gold allows",
		"n 3 is over the 2 that tier gold allows",
		"the number of inputs 4 is over the 3 that tier gold allows",
		"the number of tools 5 is over the 4 that tier gold allows",
		"response_format json_schema is not among those that tier gold allows",
	}
}
