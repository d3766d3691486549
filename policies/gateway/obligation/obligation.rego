# METADATA
# title: Obligations
# description: >-
#   Builds every obligation a decision can hold. Rules call these and write no literals, so that
#   none can be misspelt.
package gateway.obligation

# At most `max` of `unit` in any rolling `window` seconds, over everything under `key`.
limit(name, key, unit, window, max) := {
	"type": "limit",
	"name": name,
	"key": key,
	"unit": unit,
	"window": window,
	"max": max,
}

# Replace findings of these kinds before the model sees them.
mask(kinds, treatment) := {"type": "mask", "kinds": kinds, "treatment": treatment}

# Lower max_tokens to this at most.
clamp(max_tokens) := {"type": "clamp", "max_tokens": max_tokens}
