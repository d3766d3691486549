# METADATA
# title: Routing
# description: >-
#   The version a request goes to: the one it names, the one its alias stands for, or else the
#   canary for a fixed share of the principals and the model's default for the others.
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

version := preferred if {
	not model.version
	not model.alias
}

preferred := canary.version if {
	input.model.bucket < canary.share
	canary.version in model.entry.versions
} else := model.entry.default

canary := data.routing[input.model.name].canary
