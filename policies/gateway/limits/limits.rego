# METADATA
# title: Limits
# description: What a principal and its tenant may use in a window. The ledger holds them to it.
# schemas:
#   - input: schema["input.schema"]
package gateway.limits

import data.gateway.obligation
import data.gateway.reason

# METADATA
# description: Nothing limits the tenant or the tier, or an entry lacks a key.
deny contains reason.forbidden(
	"limits.unknown",
	"the limits of this tier or tenant are missing or incomplete in the policy's data",
) if {
	not complete
}

obligations := [obligation.limit(limit.name, key, limit.unit, limit.window, limit.max) |
	some limit in applicable
	key := concat(":", [limit.owner, owners[limit.owner]])
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

owners := {"principal": input.principal.id, "tenant": input.principal.tenant}
