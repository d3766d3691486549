# METADATA
# title: Tier
# description: What the principal's tier allows. A tier that lacks a key allows nothing.
# schemas:
#   - input: schema["input.schema"]
package gateway.tier

import data.gateway.reason

profile := data.tiers[input.principal.tier]

# METADATA
# description: There is no such tier, or it lacks a key.
deny contains reason.forbidden(
	"tier.unknown",
	concat(" ", ["tier", input.principal.tier, "is unknown or incomplete in the policy's data"]),
) if {
	not complete
}

# A comparison with a key that isn't there would be undefined, and deny nothing.
complete if {
	is_string(profile.pool)
	is_number(profile.max_prompt_tokens)
	is_number(profile.max_tokens)
	profile.over_max_tokens in {"deny", "clamp"}
	is_number(profile.tokens_per_day)
	is_number(profile.temperature)
	is_number(profile.choices)
	is_number(profile.inputs)
	is_number(profile.tools)
	is_array(profile.response_formats)
	is_boolean(profile.streaming)
	is_array(profile.blocked_kinds)
	is_array(profile.versions)
	is_array(profile.aliases)
}
