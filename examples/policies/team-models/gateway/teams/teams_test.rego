package gateway.teams_test

import data.gateway.example_test as example
import data.gateway.teams

lists := {"acme": {"support": ["chat"], "research": ["*"]}}

denied(attributes, model) := told if {
	facts := object.union(example.chat, {"principal": {"attributes": attributes}, "model": model})
	told := teams.deny with input as facts with data.teams as lists
}

test_a_team_uses_its_models if {
	denied({"team": "support"}, {"name": "chat"}) == set()
	denied({"team": "research"}, {"name": "vault"}) == set()
}

test_a_team_uses_no_other_model if {
	denied({"team": "support"}, {"name": "vault"}) == {{
		"rule": "teams.model",
		"message": "team support may not use model vault",
	}}
}

test_a_team_without_a_list_uses_nothing if {
	example.rules(denied({"team": "sales"}, {})) == {"teams.model"}
	denied({}, {}) == {{
		"rule": "teams.model",
		"message": "team (none) may not use model chat",
	}}
}

test_other_tenants_have_no_lists if {
	facts := object.union(example.chat, {"principal": {"tenant": "globex"}})
	told := teams.deny with input as facts with data.teams as lists
	told == set()
}

test_a_path_without_a_model_is_no_reason if {
	told := teams.deny with input as example.bare with data.teams as lists
	told == set()
}
