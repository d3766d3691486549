# METADATA
# title: Parameters
# description: How a model may be asked.
# schemas:
#   - input: schema["input.schema"]
package gateway.parameters

import data.gateway.reason
import data.gateway.tier

asked := input.parameters

allowed := tier.profile

# METADATA
# description: Hotter than the tier allows.
deny contains reason.over("parameters.temperature", "temperature", asked.temperature, ceiling) if {
	ceiling := allowed.temperature
	asked.temperature > ceiling
}

# METADATA
# description: More choices than the tier allows.
deny contains reason.over("parameters.n", "n", asked.n, ceiling) if {
	ceiling := allowed.choices
	asked.n > ceiling
}

# METADATA
# description: More prompts or texts in one body than the tier allows.
deny contains reason.over("parameters.inputs", "the number of inputs", asked.inputs, ceiling) if {
	ceiling := allowed.inputs
	asked.inputs > ceiling
}

# METADATA
# description: More tools than the tier allows.
deny contains reason.over("parameters.tools", "the number of tools", asked.tools, ceiling) if {
	ceiling := allowed.tools
	asked.tools > ceiling
}

# METADATA
# description: A format of the answer that the tier does not allow.
deny contains reason.not_among("parameters.response_format", "response_format", format) if {
	format := asked.response_format
	not format in allowed.response_formats
}
