# METADATA
# title: Facts
# description: What a stage needs to know before its rules mean anything.
# schemas:
#   - input: schema["input.schema"]
package gateway.facts

import data.gateway.reason

# Operations on one model whose path names it.
about_a_model := {"models.retrieve", "model.ready", "model.metadata"}

missing_for_admission contains missing("model") if {
	input.request.operation in about_a_model
	is_null(input.model)
}

missing_for_inference contains missing(fact) if {
	some fact in ["model", "parameters", "tokens", "sensitive", "usage"]
	is_null(object.get(input, fact, null))
}

# METADATA
# description: The stage lacks a fact that its rules need; a body that was not understood has none.
missing(fact) := reason.forbidden("facts.incomplete", concat(" ", [fact, "is not known"]))
