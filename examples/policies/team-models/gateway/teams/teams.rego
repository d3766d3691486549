# METADATA
# title: Team models
# description: In a tenant that lists its teams, a team may use the models of its list alone.
# schemas:
#   - input: schema["input.schema"]
package gateway.teams

import data.gateway.pattern
import data.gateway.reason

# METADATA
# description: The principal's team does not list the model.
deny contains reason.forbidden("teams.model", message) if {
	teams := data.teams[input.principal.tenant]
	not listed(teams)
	message := concat(" ", ["team", team, "may not use model", input.model.name])
}

listed(teams) if pattern.matches(teams[team], input.model.name)

# As the credential says. Who has none is in a team that no tenant should list.
team := object.get(input.principal.attributes, "team", "(none)")
