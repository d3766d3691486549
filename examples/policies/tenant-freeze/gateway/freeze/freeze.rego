# METADATA
# title: Freeze
# description: A tenant that is frozen gets nothing, and is told why.
# schemas:
#   - input: schema["input.schema"]
package gateway.freeze

import data.gateway.reason

# METADATA
# description: The tenant is frozen.
deny contains reason.forbidden("freeze.tenant", message) if {
	why := data.freeze.tenants[input.principal.tenant]
	message := concat("", ["tenant ", input.principal.tenant, " is frozen: ", why])
}
