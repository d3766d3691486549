package gateway.settlement_test

import data.gateway.example_test as example
import data.gateway.settlement

obliged(exact, models) := told if {
	facts := object.union(example.chat, {"tokens": {"exact": exact}})
	told := settlement.obligations with input as facts
		with data.settlement as {"estimated": "larger", "models": models}
		with data.catalog.models as example.models
}

test_an_exact_count_needs_no_other if obliged(true, {}) == set()

test_an_estimate_is_settled_as_the_data_says if {
	obliged(false, {}) == {{"type": "settle", "by": "larger"}}
}

test_a_model_may_differ if {
	obliged(false, {"chat": "backend"}) == {{"type": "settle", "by": "backend"}}
	obliged(false, {"vault": "backend"}) == {{"type": "settle", "by": "larger"}}
}
