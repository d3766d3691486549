# METADATA
# title: Obligations
# description: >-
#   Builds every obligation a decision can hold. Rules call these and write no literals, so that
#   none can be misspelt.
package gateway.obligation

# At most `max` of `unit` in any `window`, over everything under `key`. `given` has these and `name`,
# and may have `on_exceed`, `queue` and `warn_at`.
limit(given) := object.union({"type": "limit"}, given)

# Replace findings of these kinds before the model sees them.
mask(kinds, treatment) := {"type": "mask", "kinds": kinds, "treatment": treatment}

# Lower max_tokens to this at most.
clamp(max_tokens) := {"type": "clamp", "max_tokens": max_tokens}
