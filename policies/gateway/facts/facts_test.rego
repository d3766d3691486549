package gateway.facts_test

import data.gateway.example_test as example
import data.gateway.facts

test_inference_needs_everything if {
	every fact in ["model", "parameters", "tokens", "sensitive", "usage"] {
		told := facts.missing_for_inference with input as object.union(example.chat, {fact: null})
		told == {{"rule": "facts.incomplete", "message": concat(" ", [fact, "is not known"])}}
	}
}

test_nothing_is_missing if {
	count(facts.missing_for_inference) == 0 with input as example.chat
}

test_some_operations_need_a_model if {
	every operation in ["models.retrieve", "model.ready", "model.metadata"] {
		asked := object.union(example.bare, {"request": {"operation": operation}})
		told := facts.missing_for_admission with input as asked
		told == {{"rule": "facts.incomplete", "message": "model is not known"}}
	}
	count(facts.missing_for_admission) == 0 with input as example.bare
}
