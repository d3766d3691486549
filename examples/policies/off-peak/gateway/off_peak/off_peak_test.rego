package gateway.off_peak_test

import data.gateway.example_test as example
import data.gateway.off_peak

plans := {
	"hours": [{"days": ["wednesday"], "from": "20:00", "to": "24:00"}],
	"tiers": {"gold": {"below": 1000, "factor": 2.5}},
}

maximum(hour, used, tier) := told if {
	facts := object.union(example.chat, {
		"principal": {"tier": tier},
		"time": {"hour": hour},
		"usage": {"tenant": {"day": {"tokens": used}}},
	})
	obligations := off_peak.obligations with input as facts
		with data.off_peak as plans
		with data.limits as {"tiers": {tier: example.limits.tiers.gold}, "tenants": {}}
	told := [limit.max | some limit in obligations]
}

test_larger_at_night_for_who_used_little if maximum(20, 999, "gold") == [50]

test_as_ever_by_day if maximum(19, 999, "gold") == [20]

test_as_ever_for_who_used_much if maximum(20, 1000, "gold") == [20]

test_as_ever_for_a_tier_without_a_plan if maximum(20, 0, "silver") == [20]

test_everything_else_stays if {
	facts := object.union(example.chat, {"time": {"hour": 21}})
	obligations := off_peak.obligations with input as facts
		with data.off_peak as plans
		with data.limits as example.limits
	obligations == [{
		"type": "limit",
		"name": "principal-requests",
		"key": "principal:acme/ada",
		"unit": "requests",
		"window": 60,
		"max": 50,
	}]
}
