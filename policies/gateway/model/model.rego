# METADATA
# title: Models
# description: >-
#   Which models, versions and aliases a principal may ask for. A model that it may not see and one
#   that does not exist get the same answer, so that nobody learns what others may use.
# schemas:
#   - input: schema["input.schema"]
package gateway.model

import data.gateway.pattern
import data.gateway.rbac
import data.gateway.reason
import data.gateway.region
import data.gateway.tier

# What the gateway knows of the model that was asked for.
entry := data.catalog.models[input.model.name]

visible if {
	entry
	rbac.permits_model
	region.permits_model
}

# Asked for by a name that means nothing to this principal.
unknown if {
	input.model.name
	not visible
}

# In the words of OpenAI's own error. Who may not call the operation at all is told that instead.
# METADATA
# description: There is no such model, or the principal may not know of it.
deny contains reason.not_found("model.unknown", message) if {
	unknown
	rbac.permits_operation
	message := concat("", [
		"The model `",
		input.model.name,
		"` does not exist or you do not have access to it.",
	])
}

# METADATA
# description: Why the model is unknown to this principal, by its roles. For the log alone.
deny contains reason.hidden("rbac.model", "no role allows this operation on the model") if {
	entry
	rbac.permits_operation
	not rbac.permits_model
}

# METADATA
# description: Why the model is unknown to this principal, by where it is. For the log alone.
deny contains reason.hidden("region.mismatch", message) if {
	entry
	not region.permits_model
	message := concat(" ", [
		"the model is in",
		entry.region,
		"and the principal's data may be processed in",
		concat(", ", region.allowed),
	])
}

# METADATA
# description: Neither the tier nor a role allows the client to name this version.
deny contains reason.forbidden("model.version", message) if {
	visible
	version
	not may_name_version
	message := concat(" ", [
		"tier",
		input.principal.tier,
		"may not name version",
		version,
		"of a model",
	])
}

# METADATA
# description: The model has no such version.
deny contains reason.not_found("model.version", message) if {
	visible
	may_name_version
	not version in entry.versions
	message := concat("", ["The model `", input.model.name, "` has no version ", version, "."])
}

# METADATA
# description: The tier does not allow the client to name this alias.
deny contains reason.forbidden("model.alias", message) if {
	visible
	alias
	not may_name_alias
	message := concat(" ", ["tier", input.principal.tier, "may not name the alias", alias])
}

# METADATA
# description: The model has no such alias.
deny contains reason.not_found("model.alias", message) if {
	visible
	may_name_alias
	not entry.aliases[alias]
	message := concat("", ["The model `", input.model.name, "` has no alias ", alias, "."])
}

# What the client named; undefined where it left the choice to the gateway.
version := input.model.version if is_string(input.model.version)

alias := input.model.alias if is_string(input.model.alias)

may_name_version if pattern.matches(tier.profile.versions, version)

may_name_version if {
	some role in rbac.granting
	pattern.matches(data.roles[role].versions, version)
}

may_name_alias if pattern.matches(tier.profile.aliases, alias)
