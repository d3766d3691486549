package gateway.region_test

import data.gateway.example_test as example
import data.gateway.region

permits(principal, residency) if {
	region.permits_model with input as object.union(example.chat, {"principal": principal})
		with data.residency as residency
		with data.catalog.models as example.models
}

nothing := {"undeclared": [], "tenants": {}}

test_data_stays_in_its_own_region if {
	permits({"region": "north"}, nothing)
	not permits({"region": "south"}, nothing)
}

test_a_tenant_may_allow_other_regions if {
	permits({"region": "south"}, {"undeclared": [], "tenants": {"acme": ["north", "south"]}})
}

test_a_tenant_may_forbid_its_own_region if {
	not permits({"region": "north"}, {"undeclared": [], "tenants": {"acme": ["south"]}})
}

test_no_region_is_what_the_data_says if {
	permits({"region": null}, {"undeclared": ["north"], "tenants": {}})
	not permits({"region": null}, nothing)
}

test_a_model_that_is_not_there_is_nowhere if {
	facts := object.union(example.chat, {"model": {"name": "missing"}})
	not region.permits_model with input as facts
		with data.residency as nothing
		with data.catalog.models as example.models
}
