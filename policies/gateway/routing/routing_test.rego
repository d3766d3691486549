package gateway.routing_test

import data.gateway.example_test as example
import data.gateway.routing

canary := {"chat": {"canary": {"version": "2", "share": 1000}}}

route(model, rollout) := told if {
	told := routing.route with input as object.union(example.chat, {"model": model})
		with data.routing as rollout
		with data.catalog.models as example.models
}

test_the_default_version if {
	route({}, {}) == {"model": "chat", "version": "1", "cluster": "triton"}
}

test_a_share_goes_to_the_canary if {
	route({"bucket": 999}, canary).version == "2"
	route({"bucket": 1000}, canary).version == "1"
}

test_a_canary_that_is_not_there_gets_nothing if {
	route({"bucket": 0}, {"chat": {"canary": {"version": "9", "share": 10000}}}).version == "1"
}

fallback(exceeded, version) := told if {
	facts := object.union(example.chat, {"exceeded": exceeded})
	rollout := {"chat": {"fallback": version, "canary": {"version": "1", "share": 10000}}}
	told := routing.route with input as facts
		with data.routing as rollout
		with data.catalog.models as example.models
}

test_an_exceeded_limit_asks_for_the_fallback if {
	fallback(["version-cost"], "2").version == "2"
	fallback([], "2").version == "1"
	fallback(["version-cost"], "9").version == "1"
}

test_a_named_version_has_no_fallback if {
	facts := object.union(example.chat, {"exceeded": ["x"], "model": {"version": "1"}})
	told := routing.route with input as facts
		with data.routing as {"chat": {"fallback": "2"}}
		with data.catalog.models as example.models
	told.version == "1"
	alias := object.union(example.chat, {"exceeded": ["x"], "model": {"alias": "stable"}})
	told == routing.route with input as alias
		with data.routing as {"chat": {"fallback": "2"}}
		with data.catalog.models as example.models
}

test_a_named_version_is_no_canary if route({"version": "1", "bucket": 0}, canary).version == "1"

test_an_alias_is_resolved if route({"alias": "next"}, {}).version == "2"

test_what_is_not_there_has_no_route if {
	not route({"name": "missing"}, {})
	not route({"version": "9"}, {})
	not route({"alias": "missing"}, {})
}
