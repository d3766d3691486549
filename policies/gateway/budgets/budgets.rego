# METADATA
# title: Budgets
# description: What a tenant and each of its teams may spend in a calendar month.
# schemas:
#   - input: schema["input.schema"]
package gateway.budgets

import data.gateway.obligation
import data.gateway.reason

# METADATA
# description: A budget of the tenant or the team lacks a key, so that it would limit nothing.
deny contains reason.forbidden(
	"budgets.incomplete",
	"the budget of this tenant or team is incomplete in the policy's data",
) if {
	count(obligations) != count(applicable)
}

obligations := [obligation.limit({
	"name": each.name,
	"key": each.key,
	"unit": "cost",
	"window": month,
	"max": each.budget.cost,
	"on_exceed": each.budget.on_exceed,
	"warn_at": each.budget.warn_at,
}) |
	some each in applicable
]

# Two tenants may have teams of one name: a team's key has its tenant in it.
applicable := array.concat(
	[{"name": "tenant-budget", "key": tenant, "budget": budget} |
		budget := data.budgets.tenants[input.principal.tenant]
	],
	[{"name": "team-budget", "key": team, "budget": budget} |
		budget := data.budgets.teams[input.principal.tenant][input.principal.attributes.team]
	],
)

tenant := concat(":", ["tenant", input.principal.tenant])

team := concat("|team:", [tenant, replace(input.principal.attributes.team, "|", "||")])

month := {
	"type": "calendar",
	"period": "month",
	"time_zone": data.budgets.time_zone,
	"anchor": data.budgets.anchor,
}
