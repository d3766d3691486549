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
	asked := object.union(example.bare, {"request": {"operation": "model.ready"}})
	count(facts.missing_for_admission) == 1 with input as asked
	count(facts.missing_for_admission) == 0 with input as example.bare
}
