package gateway.savings_test

import data.gateway.example_test as example
import data.gateway.savings

budgets := {"save_at": 0.8, "cheaper": {"chat": "small"}, "tenants": {"acme": 1000}}

small := object.union(example.models.chat, {"versions": ["3"], "aliases": {}, "default": "3"})

models := object.union(example.models, {"small": small})

roles := {"writer": {"operations": ["chat.*"], "models": ["chat", "small"]}}

facts(used, model) := object.union(example.chat, {
	"model": model,
	"usage": {"tenant": {"day": {"tokens": used}}},
})

routed(used, model, permissions, catalog) := told if {
	told := savings.route with input as facts(used, model)
		with data.savings as budgets
		with data.catalog.models as catalog
		with data.roles as permissions
		with data.residency as {"tenants": {}, "undeclared": []}
		with data.routing as {}
}

denied(used) := told if {
	told := savings.deny with input as facts(used, {}) with data.savings as budgets
}

test_far_from_the_budget_nothing_changes if routed(799, {}, roles, models).model == "chat"

test_near_the_budget_the_cheaper_model_answers if {
	routed(800, {}, roles, models) == {"model": "small", "version": "3", "cluster": "triton"}
}

test_a_named_version_is_of_the_model_that_was_asked_for if {
	routed(799, {"version": "2"}, roles, models).version == "2"
	routed(800, {"version": "2"}, roles, models).version == "3"
}

test_a_model_that_has_no_cheaper_one_stays if {
	routed(800, {"name": "vault"}, roles, models).model == "vault"
}

test_a_cheaper_model_that_is_not_there_is_not_used if {
	routed(800, {}, roles, example.models).model == "chat"
}

test_a_cheaper_model_elsewhere_is_not_used if {
	elsewhere := object.union(models, {"small": object.union(small, {"region": "south"})})
	routed(800, {}, roles, elsewhere).model == "chat"
}

test_a_cheaper_model_that_no_role_allows_is_not_used if {
	routed(800, {}, example.roles, models).model == "chat"
}

test_below_the_budget if denied(999) == set()

test_the_budget_is_used_up if {
	denied(1000) == {{
		"rule": "budget.day",
		"message": "tenant acme has used up its budget of 1000 tokens a day",
		"status": 429,
	}}
}

test_who_has_no_budget_is_not_held_to_one if {
	other := object.union(facts(10000, {}), {"principal": {"tenant": "globex"}})
	told := savings.deny with input as other with data.savings as budgets
	told == set()
}
