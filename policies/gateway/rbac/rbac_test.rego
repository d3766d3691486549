package gateway.rbac_test

import data.gateway.example_test as example
import data.gateway.rbac

test_a_role_allows_its_operations if {
	count(rbac.deny) == 0 with input as example.chat with data.roles as example.roles
}

test_what_no_role_allows_is_denied if {
	facts := object.union(example.chat, {"request": {"operation": "embeddings"}})
	told := rbac.deny with input as facts with data.roles as example.roles
	told == {{"rule": "rbac.api", "message": "no role of [writer] allows embeddings"}}
}

test_every_role_is_told if {
	facts := object.union(example.chat, {
		"request": {"operation": "embeddings"},
		"principal": {"roles": ["reader", "writer"]},
	})
	told := rbac.deny with input as facts with data.roles as example.roles
	[reason.message | some reason in told] == ["no role of [reader, writer] allows embeddings"]
}

test_an_unknown_role_allows_nothing if {
	facts := object.union(example.chat, {"principal": {"roles": ["nobody"]}})
	count(rbac.deny) == 1 with input as facts with data.roles as example.roles
}

test_a_role_allows_its_models if {
	rbac.permits_model with input as example.chat with data.roles as example.roles
	facts := object.union(example.chat, {"model": {"name": "vault"}})
	not rbac.permits_model with input as facts with data.roles as example.roles
}

# The reader may see every model, and the writer may chat with one. Both are still no
# reason to chat with every model.
test_operation_and_model_come_from_one_role if {
	facts := object.union(example.chat, {
		"principal": {"roles": ["reader", "writer"]},
		"model": {"name": "vault"},
	})
	not rbac.permits_model with input as facts with data.roles as example.roles
}
