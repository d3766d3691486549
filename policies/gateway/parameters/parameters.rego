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

deny contains reason.over("parameters.temperature", "temperature", asked.temperature, ceiling) if {
	ceiling := allowed.temperature
	asked.temperature > ceiling
}

deny contains reason.over("parameters.n", "n", asked.n, ceiling) if {
	ceiling := allowed.choices
	asked.n > ceiling
}

deny contains reason.over("parameters.inputs", "the number of inputs", asked.inputs, ceiling) if {
	ceiling := allowed.inputs
	asked.inputs > ceiling
}

deny contains reason.over("parameters.tools", "the number of tools", asked.tools, ceiling) if {
	ceiling := allowed.tools
	asked.tools > ceiling
}

deny contains reason.not_among("parameters.response_format", "response_format", format) if {
	format := asked.response_format
	not format in allowed.response_formats
}
