package gateway.tier_test

import data.gateway.example_test as example
import data.gateway.tier

test_a_complete_tier_passes if {
	count(tier.deny) == 0 with input as example.chat with data.tiers as example.tiers
}

test_an_unknown_tier_is_denied if {
	told := tier.deny with input as example.chat with data.tiers as {}
	told == {{
		"rule": "tier.unknown",
		"message": "tier gold is unknown or incomplete in the policy's data",
	}}
}

test_a_tier_that_lacks_any_key_is_denied if {
	every key in object.keys(example.tiers.gold) {
		lacking := {"gold": object.remove(example.tiers.gold, {key})}
		count(tier.deny) == 1 with input as example.chat with data.tiers as lacking
	}
}
