# METADATA
# title: Pressure
# description: >-
#   While a model's backend is busy, tiers that can wait are sent away and the answers of all others
#   are shorter. Off-peak it may be busier before that.
# schemas:
#   - input: schema["input.schema"]
package gateway.pressure

import data.gateway.hours
import data.gateway.obligation
import data.gateway.reason
import data.gateway.tier
import data.gateway.tokens

# METADATA
# description: The model's backend is busy, and the tier is one that can wait.
deny contains reason.exhausted("pressure.busy", message) if {
	busy
	input.principal.tier in data.pressure.can_wait
	message := concat(" ", [
		"model",
		input.model.name,
		"is busy, and tier",
		input.principal.tier,
		"can wait; try again later",
	])
}

obligations contains obligation.clamp(ceiling) if {
	busy
	ceiling := ceil(tier.profile.max_tokens * data.pressure.shorten_to)
	input.tokens.max_completion > ceiling
	not tokens.within(ceiling)
}

# A load that nobody knows is not taken for an idle one.
busy if is_null(object.get(input, "load", null))

busy if input.load.pending >= bounds.pending

busy if input.load.queue_ms >= bounds.queue_ms

bounds := data.pressure.off_peak.bounds if {
	hours.open(data.pressure.off_peak.hours)
} else := data.pressure.bounds
