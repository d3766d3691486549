# METADATA
# title: Role-based access
# description: A role allows operations on models; a principal may do what any one role allows.
# schemas:
#   - input: schema["input.schema"]
package gateway.rbac

import data.gateway.pattern
import data.gateway.reason

# METADATA
# description: No role of the principal allows the operation.
deny contains reason.forbidden(
	"rbac.api",
	concat("", [
		"no role of [",
		concat(", ", input.principal.roles),
		"] allows ",
		input.request.operation,
	]),
) if {
	not permits_operation
}

permits_operation if count(granting) > 0

# The roles that allow the operation.
granting contains role if {
	some role in input.principal.roles
	pattern.matches(data.roles[role].operations, input.request.operation)
}

# Whether a role that allows the operation allows it on the model.
permits_model if {
	some role in granting
	pattern.matches(data.roles[role].models, input.model.name)
}
