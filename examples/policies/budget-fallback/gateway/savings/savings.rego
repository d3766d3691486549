# METADATA
# title: Savings
# description: >-
#   A tenant near its daily budget gets a cheaper model; one that has used it up gets nothing.
#   `route` stands in for `routing.route`.
# schemas:
#   - input: schema["input.schema"]
package gateway.savings

import data.gateway.pattern
import data.gateway.rbac
import data.gateway.reason
import data.gateway.region
import data.gateway.routing

# METADATA
# description: The tenant has used up its daily budget.
deny contains reason.exhausted("budget.day", message) if {
	used >= budget
	message := concat(" ", [
		"tenant",
		input.principal.tenant,
		"has used up its budget of",
		reason.number(budget),
		"tokens a day",
	])
}

# Only to a model that is there and that the principal may use; else to the one it asked for.
route := {"model": cheaper, "version": entry.default, "cluster": entry.cluster} if {
	used >= budget * data.savings.save_at
	entry.region in region.allowed
	some role in rbac.granting
	pattern.matches(data.roles[role].models, cheaper)
} else := routing.route

cheaper := data.savings.cheaper[input.model.name]

entry := data.catalog.models[cheaper]

budget := data.savings.tenants[input.principal.tenant]

used := input.usage.tenant.day.tokens
