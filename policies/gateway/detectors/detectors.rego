# METADATA
# title: Detectors
# description: What becomes of a request when somebody who is asked about it does not answer.
# schemas:
#   - input: schema["input.schema"]
package gateway.detectors

import data.gateway.reason

# METADATA
# description: An external detector or classifier did not answer, and may not be missing.
deny contains reason.unavailable("detectors.absent", message) if {
	some name in input.absent
	not name in dispensable
	message := concat(" ", [name, "can't look at the request at the moment"])
}

# METADATA
# description: A classifier's score for a label is over what the policy's data allows.
deny contains reason.forbidden("detectors.score", message) if {
	some name, labels in input.classifiers
	some label, score in labels
	score > data.detectors.scores[name][label]
	message := concat(" ", ["the request reads as", label])
}

dispensable contains name if some name in data.detectors.dispensable

dispensable contains name if some name in data.detectors.tiers[input.principal.tier]

dispensable contains name if some name in data.detectors.tenants[input.principal.tenant]
