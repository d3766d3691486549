package gateway.pattern_test

import data.gateway.pattern

test_an_exact_name_matches if pattern.matches(["chat", "echo"], "echo")

test_a_star_matches_what_begins_so if {
	pattern.matches(["models.*"], "models.list")
	pattern.matches(["*"], "anything")
}

test_nothing_else_matches if {
	not pattern.matches(["chat"], "chat2")
	not pattern.matches(["models.*"], "model.ready")
	not pattern.matches(["*.list"], "models.list")
	not pattern.matches([], "chat")
}
