# METADATA
# title: Tokens
# description: How long a prompt and an answer may be, and whose count of them is charged.
# schemas:
#   - input: schema["input.schema"]
package gateway.tokens

import data.gateway.context
import data.gateway.obligation
import data.gateway.reason
import data.gateway.routing
import data.gateway.tier

# METADATA
# description: A longer prompt than the tier allows, where no turns of it are left out.
deny contains reason.forbidden("tokens.prompt", message) if {
	ceiling := tier.profile.max_prompt_tokens
	input.tokens.prompt > ceiling
	not context.shortens
	message := concat(" ", [
		"a prompt of",
		reason.number(input.tokens.prompt),
		"tokens is over the",
		reason.number(ceiling),
		reason.tier_allows,
	])
}

# METADATA
# description: A longer answer than the tier allows, where it does not shorten them.
deny contains reason.over("tokens.completion", "max_tokens", asked, ceiling) if {
	asked := input.parameters.max_tokens
	ceiling := tier.profile.max_tokens
	asked > ceiling
	tier.profile.over_max_tokens == "deny"
}

# Lowered rather than refused: where the tier says so, and where the client named no number.
obligations contains obligation.clamp(ceiling) if {
	ceiling := tier.profile.max_tokens
	input.tokens.max_completion > ceiling
	not within(ceiling)
}

# Whatever its length: masking may still make it longer.
obligations contains obligation.context(turns.on_exceed, ceiling, turns.room) if {
	context.shortens
	turns := context.entry
	ceiling := tier.profile.max_prompt_tokens
}

obligations contains obligation.settle(charged_by) if charged_by != "larger"

# Without a word of it, the larger count is charged; it is said where an estimate may be that.
obligations contains obligation.settle(charged_by) if input.tokens.exact == false

# METADATA
# description: >-
#   Whose count is charged, by the model, or else by the kind of its backend. Where the data do not
#   say, the larger is, so that nothing is used for free.
charged_by := by if {
	by := data.settlement.models[routing.route.model]
} else := by if {
	input.parameters.n > 1
	by := data.settlement.several_choices[backend_kind]
} else := by if {
	by := data.settlement.kinds[backend_kind]
} else := "larger"

backend_kind := data.catalog.models[routing.route.model].backend_kind

within(ceiling) if {
	is_number(input.parameters.max_tokens)
	input.parameters.max_tokens <= ceiling
}
