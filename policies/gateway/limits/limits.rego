# METADATA
# title: Limits
# description: What may be used, by whom together, in a window. The ledger holds them to it.
# schemas:
#   - input: schema["input.schema"]
package gateway.limits

import data.gateway.obligation
import data.gateway.reason
import data.gateway.routing
import data.gateway.tier

# METADATA
# description: >-
#   Nothing limits the tenant or the tier, an entry lacks a key, or it counts by a fact that the
#   principal does not have.
deny contains reason.forbidden(
	"limits.unknown",
	"the limits of this tier or tenant are missing or incomplete in the policy's data",
) if {
	not complete
}

obligations := [obligation.limit(object.union(object.remove(limit, {"of"}), {"key": key(limit.of)})) |
	some limit in applicable
	limit.name
	limit.unit
	limit.window
	limit.max
]

# An entry with a missing key makes no obligation, and would limit nothing.
complete if {
	count(obligations) > 0
	count(obligations) == count(applicable)
}

applicable := object.get(
	data.limits.tenants,
	input.principal.tenant,
	object.get(data.limits.tiers, input.principal.tier, []),
)

# What is counted together: `tenant:acme|model:chat`. Undefined when a fact of it is not known. A `|`
# of a fact is doubled, so that no two sets of facts share a key.
key(names) := concat("|", parts) if {
	parts := [concat(":", [name, replace(fact[name], "|", "||")]) | some name in names]
	count(parts) == count(names)
}

fact["principal"] := input.principal.id

fact["key"] := input.principal.id

fact["user"] := object.get(input.principal.attributes, "user", input.principal.id)

fact["tenant"] := input.principal.tenant

fact["team"] := input.principal.attributes.team

fact["tier"] := input.principal.tier

fact["region"] := input.principal.region if {
	is_string(input.principal.region)
}

fact["pool"] := tier.profile.pool

fact["model"] := routing.route.model

fact["version"] := routing.route.version
