package gateway.tools_test

import data.gateway.example_test as example
import data.gateway.tools

denied(roles, offered) := told if {
	facts := object.union(example.chat, {
		"principal": {"roles": roles},
		"parameters": {"tools": offered},
	})
	told := tools.deny with input as facts with data.tools as {"roles": ["builder"]}
}

test_a_role_that_may if denied(["writer", "builder"], 3) == set()

test_a_role_that_may_not if {
	denied(["writer", "reader"], 1) == {{
		"rule": "tools.role",
		"message": "no role of [writer, reader] may use tools",
	}}
}

test_without_tools_no_role_is_needed if denied([], 0) == set()

test_without_data_nobody_may if {
	facts := object.union(example.chat, {"parameters": {"tools": 1}})
	told := tools.deny with input as facts with data.tools as {}
	example.rules(told) == {"tools.role"}
}
