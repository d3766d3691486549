# METADATA
# title: Guard
# description: >-
#   Attacks on the model, invisible text and topics that are refused, and what becomes of links in
#   the answer.
# schemas:
#   - input: schema["input.schema"]
package gateway.guard

import data.gateway.obligation
import data.gateway.reason

# A comparison with what isn't there would be undefined, and deny nothing.
# METADATA
# description: The policy's data does not say what is refused.
deny contains reason.forbidden(
	"guard.unknown",
	"the policy's data does not say what to guard against",
) if {
	not known
}

# An embedding follows no instructions, and `never` is above every number.
# METADATA
# description: The request reads too much like an injection or a jailbreak.
deny contains reason.forbidden("guard.injection", "the request reads like an attack on the model") if {
	not exempt_role
	input.request.operation != "embeddings"
	input.guard.score >= threshold
}

# METADATA
# description: The request holds more text that no person sees than it may.
deny contains reason.forbidden("guard.invisible", "the request holds invisible text") if {
	not exempt_role
	input.guard.invisible > settings.invisible
}

# METADATA
# description: The request is about a topic that is denied.
deny contains reason.forbidden("guard.topic", message) if {
	not exempt_role
	some topic in input.guard.topics
	topic in settings.denied_topics
	message := concat(" ", ["the topic", topic, "may not be talked about"])
}

obligations contains obligation.guard(settings.links, settings.allowed_domains) if {
	settings.links in {"strip", "block"}
}

known if {
	bound(threshold)
	bound(settings.invisible)
	is_array(settings.denied_topics)
	settings.links in {"strip", "block", "pass"}
	is_array(settings.allowed_domains)
}

bound(value) if is_number(value)

bound("never")

settings := object.union_n([
	data.guard,
	object.get(data.guard.tiers, input.principal.tier, {}),
	object.get(data.guard.tenants, input.principal.tenant, {}),
])

# Of the scores of several roles the highest holds; of none there is no maximum.
threshold := highest if {
	highest := max(of_roles)
} else := settings.score

of_roles := {data.guard.roles[role].score | some role in input.principal.roles}

exempt_role if {
	some role in input.principal.roles
	role in data.guard.exempt_roles
}
