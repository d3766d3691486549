package gateway.model_test

import data.gateway.example_test as example
import data.gateway.model

denied(facts) := told if {
	told := model.deny with input as object.union(example.chat, facts)
		with data.roles as example.roles
		with data.tiers as example.tiers
		with data.residency as {"undeclared": [], "tenants": {}}
		with data.catalog.models as example.models
}

told_to_client(facts) := {reason | some reason in denied(facts); not reason.hidden}

unknown(name) := {{
	"rule": "model.unknown",
	"message": concat("", ["The model `", name, "` does not exist or you do not have access to it."]),
	"status": 404,
}}

test_a_visible_model_passes if denied({}) == set()

test_no_model_is_no_reason if denied({"model": null}) == set()

test_a_model_that_is_not_there if denied({"model": {"name": "missing"}}) == unknown("missing")

test_a_model_of_another_role_looks_as_if_it_were_not_there if {
	facts := {"model": {"name": "vault"}, "principal": {"region": "south"}}
	told_to_client(facts) == unknown("vault")
	denied(facts) == unknown("vault") | {{
		"rule": "rbac.model",
		"message": "no role allows this operation on the model",
		"status": 404,
		"hidden": true,
	}}
}

test_who_may_not_call_the_operation_learns_nothing_of_models if {
	told_to_client({"request": {"operation": "embeddings"}}) == set()
	told_to_client({"request": {"operation": "embeddings"}, "model": {"name": "missing"}}) == set()
}

test_a_model_of_another_region_looks_as_if_it_were_not_there if {
	facts := {"principal": {"region": "south"}}
	told_to_client(facts) == unknown("chat")
	{
		"rule": "region.mismatch",
		"message": "the model is in north and the principal's data may be processed in south",
		"status": 404,
		"hidden": true,
	} in denied(facts)
}

test_regions_are_listed if {
	told := model.deny with input as example.chat
		with data.roles as example.roles
		with data.tiers as example.tiers
		with data.residency as {"undeclared": [], "tenants": {"acme": ["south", "west"]}}
		with data.catalog.models as example.models
	messages := {reason.message | some reason in told; reason.rule == "region.mismatch"}
	messages == {"the model is in north and the principal's data may be processed in south, west"}
}

test_versions_of_a_hidden_model_are_hidden if {
	told_to_client({"model": {"name": "vault", "version": "9"}}) == unknown("vault")
	told_to_client({"model": {"name": "vault", "alias": "none"}}) == unknown("vault")
}

# Naming them would be allowed; that there are none of these names would tell that the model is.
test_what_a_hidden_model_lacks_is_hidden if {
	told_to_client({"model": {"name": "vault", "alias": "missing"}}) == unknown("vault")
	facts := {
		"request": {"operation": "models.retrieve"},
		"principal": {"roles": ["reader"], "region": "south"},
		"model": {"version": "9"},
	}
	told_to_client(facts) == unknown("chat")
}

test_a_tier_allows_versions if denied({"model": {"version": "1"}}) == set()

test_a_role_allows_versions if {
	facts := {
		"request": {"operation": "models.retrieve"},
		"principal": {"roles": ["reader"]},
		"model": {"version": "2"},
	}
	denied(facts) == set()
}

test_other_versions_are_forbidden if {
	denied({"model": {"version": "2"}}) == {{
		"rule": "model.version",
		"message": "tier gold may not name version 2 of a model",
	}}
}

test_who_may_not_name_versions_does_not_learn_which_there_are if {
	example.rules(denied({"model": {"version": "9"}})) == {"model.version"}
	count(denied({"model": {"version": "9"}})) == 1
	count(denied({"model": {"alias": "nonesuch"}})) == 1
}

test_a_version_that_is_not_there if {
	facts := {
		"request": {"operation": "models.retrieve"},
		"principal": {"roles": ["reader"]},
		"model": {"version": "9"},
	}
	denied(facts) == {{
		"rule": "model.version",
		"message": "The model `chat` has no version 9.",
		"status": 404,
	}}
}

test_a_tier_allows_aliases if denied({"model": {"alias": "stable"}}) == set()

test_other_aliases_are_forbidden if {
	denied({"model": {"alias": "next"}}) == {{
		"rule": "model.alias",
		"message": "tier gold may not name the alias next",
	}}
}

test_an_alias_that_is_not_there if {
	denied({"model": {"alias": "missing"}}) == {{
		"rule": "model.alias",
		"message": "The model `chat` has no alias missing.",
		"status": 404,
	}}
}
