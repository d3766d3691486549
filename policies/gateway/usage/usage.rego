# METADATA
# title: Usage
# description: How much a principal may use in a day.
# schemas:
#   - input: schema["input.schema"]
package gateway.usage

import data.gateway.reason
import data.gateway.tier

# METADATA
# description: The principal has used up its tokens of the last 24 hours.
deny contains reason.exhausted("usage.day", message) if {
	used := input.usage.principal.day.tokens
	used >= tier.profile.tokens_per_day
	message := concat(" ", [
		"the",
		reason.number(used),
		"tokens of the last day use up the",
		reason.number(tier.profile.tokens_per_day),
		reason.tier_allows,
	])
}
