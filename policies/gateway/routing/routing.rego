# METADATA
# title: Routing
# description: >-
#   The version a request goes to: the one it names, the one its alias stands for, or else the
#   canary for a fixed share of the principals and the model's default for the others. When a limit
#   asks for another route, the one that `fallback` names.
# schemas:
#   - input: schema["input.schema"]
package gateway.routing

import data.gateway.model

# Undefined unless the version exists, and then nothing is allowed.
route := {
	"model": input.model.name,
	"version": version,
	"cluster": model.entry.cluster,
} if {
	version in model.entry.versions
}

version := model.version

version := model.entry.aliases[model.alias]

version := fallback if {
	not model.version
	not model.alias
}

version := preferred if {
	not model.version
	not model.alias
	not fallback
}

# A limit of the version that it would go to is used up, and asks for another.
fallback := data.routing[input.model.name].fallback if {
	count(input.exceeded) > 0
	data.routing[input.model.name].fallback in model.entry.versions
}

preferred := canary.version if {
	input.model.bucket < canary.share
	canary.version in model.entry.versions
} else := model.entry.default

canary := data.routing[input.model.name].canary
