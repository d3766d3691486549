# METADATA
# title: Obligations
# description: >-
#   Builds every obligation a decision can hold. Rules call these and write no literals, so that
#   none can be misspelt.
package gateway.obligation

# At most `max` of `unit` in any `window`, over everything under `key`. `given` has these and `name`,
# and may have `on_exceed`, `queue` and `warn_at`.
limit(given) := object.union({"type": "limit"}, given)

# Treat findings of these kinds before the model sees them: "placeholder" (put back in the answer),
# "redact", "hash", "stand_in" or "note". What is to be blocked is a deny.
mask(kinds, treatment) := {"type": "mask", "kinds": kinds, "treatment": treatment}

# Treat findings of these kinds in the answer, before the client sees them: "redact", "hash",
# "stand_in", "note" or "block".
mask_answer(kinds, treatment) := {
	"type": "mask",
	"direction": "answer",
	"kinds": kinds,
	"treatment": treatment,
}

# Remove links that could carry data out of the answer ("strip"), or refuse the answer ("block").
guard(links, allowed_domains) := {
	"type": "guard",
	"links": links,
	"allowed_domains": allowed_domains,
}

# Lower max_tokens to this at most.
clamp(max_tokens) := {"type": "clamp", "max_tokens": max_tokens}

# A prompt of more than `max_prompt_tokens`, or than the model's context holds, is refused ("deny") or
# loses its oldest turns ("drop_oldest"). `room` tokens are left to an answer whose length the client
# does not name.
context(on_exceed, max_prompt_tokens, room) := {
	"type": "context",
	"on_exceed": on_exceed,
	"max_prompt_tokens": max_prompt_tokens,
	"room": room,
}

# Charge tokens that could only be estimated by the backend's count ("backend"), or by the larger of
# both ("larger").
settle(by) := {"type": "settle", "by": by}
