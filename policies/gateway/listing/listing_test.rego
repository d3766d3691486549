package gateway.listing_test

import data.gateway.admission
import data.gateway.example_test as example
import data.gateway.listing

asking := object.union(example.bare, {
	"request": {"operation": "models.retrieve"},
	"buckets": {"chat": 10, "vault": 9000},
})

listed(facts) := told if {
	told := listing.decision.models with input as object.union(asking, facts)
		with data.roles as example.roles
		with data.tiers as example.tiers
		with data.residency as {"undeclared": [], "tenants": {}}
		with data.networks as {"tenants": {}}
		with data.hours as {"tenants": {}, "tiers": {}}
		with data.routing as {}
		with data.catalog.models as example.models
}

reader := {"principal": {"roles": ["reader"]}}

test_every_name_that_admission_allows_is_listed if {
	listed(reader) == ["chat", "chat@1", "chat@2", "chat@stable"]
}

test_what_admission_denies_is_not_there if {
	listed({"principal": {"roles": ["reader"], "region": "south"}}) == ["vault", "vault@1"]
	listed({"principal": {"roles": ["nobody"]}}) == []
}

test_only_models_with_a_bucket_are_asked_about if {
	listed(object.union(reader, {"buckets": {"chat": 10}})) == listed(reader)
	facts := json.remove(object.union(asking, reader), ["buckets"])
	told := listing.decision.models with input as facts with data.catalog.models as example.models
	told == []
}

test_a_model_that_the_gateway_lacks_is_not_listed if {
	listed(object.union(reader, {"buckets": {"missing": 1}})) == listed(reader)
}

# Whatever rule looks at it.
test_the_bucket_is_the_models_own if {
	told := listing.decision.models with input as asking
		with data.catalog.models as example.models
		with admission.decision as {"allow": true}
	count(told) == 7
	references := listing.references("chat", 10) with data.catalog.models as example.models
	object.keys(references) == {"chat", "chat@1", "chat@2", "chat@next", "chat@stable"}
	references["chat@stable"] == {"name": "chat", "version": null, "alias": "stable", "bucket": 10}
	references["chat@1"] == {"name": "chat", "version": "1", "alias": null, "bucket": 10}
}
