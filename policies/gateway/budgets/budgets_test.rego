package gateway.budgets_test

import data.gateway.budgets
import data.gateway.example_test as example

data_of := {
	"time_zone": "Europe/Berlin",
	"anchor": 15,
	"tenants": {"acme": {"cost": 500, "on_exceed": "deny", "warn_at": [50, 100]}},
	"teams": {
		"acme": {"research": {"cost": 200, "on_exceed": "warn", "warn_at": [80]}},
		"hooli": {"research": {"cost": 7, "on_exceed": "deny", "warn_at": []}},
	},
}

researcher := object.union(example.chat, {"principal": {"attributes": {"team": "research"}}})

month := {"type": "calendar", "period": "month", "time_zone": "Europe/Berlin", "anchor": 15}

test_a_tenant_has_a_budget if {
	told := budgets.obligations with input as example.chat with data.budgets as data_of
	told == [{
		"type": "limit",
		"name": "tenant-budget",
		"key": "tenant:acme",
		"unit": "cost",
		"window": month,
		"max": 500,
		"on_exceed": "deny",
		"warn_at": [50, 100],
	}]
	count(budgets.deny) == 0 with input as example.chat with data.budgets as data_of
}

test_a_team_has_one_of_its_own_besides if {
	told := budgets.obligations with input as researcher with data.budgets as data_of
	count(told) == 2
	told[1] == {
		"type": "limit",
		"name": "team-budget",
		"key": "tenant:acme|team:research",
		"unit": "cost",
		"window": month,
		"max": 200,
		"on_exceed": "warn",
		"warn_at": [80],
	}
	count(budgets.deny) == 0 with input as researcher with data.budgets as data_of
}

test_a_team_of_that_name_elsewhere_is_another if {
	facts := object.union(researcher, {"principal": {"tenant": "hooli"}})
	told := budgets.obligations with input as facts with data.budgets as data_of
	[[limit.key, limit.max] | some limit in told] == [["tenant:hooli|team:research", 7]]
}

test_what_separates_facts_is_doubled_in_a_teams_name if {
	facts := object.union(example.chat, {"principal": {"attributes": {"team": "a|b"}}})
	told := budgets.obligations with input as facts
		with data.budgets as object.union(data_of, {"teams": {"acme": {"a|b": data_of.teams.acme.research}}})
	told[1].key == "tenant:acme|team:a||b"
}

test_who_has_no_budget_is_not_held_to_one if {
	facts := object.union(researcher, {"principal": {"tenant": "nobody"}})
	count(budgets.obligations) == 0 with input as facts with data.budgets as data_of
	count(budgets.deny) == 0 with input as facts with data.budgets as data_of
	count(budgets.obligations) == 0 with input as researcher with data.budgets as {}
	count(budgets.deny) == 0 with input as researcher with data.budgets as {}
}

test_a_budget_that_lacks_a_key_is_denied if {
	every key in ["cost", "on_exceed", "warn_at"] {
		lacking := json.remove(data_of, [concat("/", ["tenants/acme", key])])
		told := budgets.deny with input as example.chat with data.budgets as lacking
		told == {{
			"rule": "budgets.incomplete",
			"message": "the budget of this tenant or team is incomplete in the policy's data",
		}}
		other := json.remove(data_of, [concat("/", ["teams/acme/research", key])])
		of_team := budgets.deny with input as researcher with data.budgets as other
		example.rules(of_team) == {"budgets.incomplete"}
	}
}

test_a_month_that_begins_nowhere_is_denied if {
	every key in ["time_zone", "anchor"] {
		lacking := object.remove(data_of, {key})
		told := budgets.deny with input as example.chat with data.budgets as lacking
		example.rules(told) == {"budgets.incomplete"}
	}
}
