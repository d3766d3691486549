# METADATA
# title: Tools
# description: Only some roles may offer tools to a model. How many, the tier says.
# schemas:
#   - input: schema["input.schema"]
package gateway.tools

import data.gateway.reason

# METADATA
# description: The request offers tools, and no role of the principal may.
deny contains reason.forbidden("tools.role", message) if {
	input.parameters.tools > 0
	not permitted
	roles := concat(", ", input.principal.roles)
	message := concat("", ["no role of [", roles, "] may use tools"])
}

permitted if {
	some role in input.principal.roles
	role in data.tools.roles
}
