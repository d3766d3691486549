# METADATA
# title: Inference
# description: Decides on a request when its body has been read. Complete in itself.
# schemas:
#   - input: schema["input.schema"]
package gateway.inference

import data.gateway.admission
import data.gateway.budgets
import data.gateway.consent
import data.gateway.detectors
import data.gateway.facts
import data.gateway.guard
import data.gateway.limits
import data.gateway.model
import data.gateway.parameters
import data.gateway.privacy
import data.gateway.reason
import data.gateway.routing
import data.gateway.streaming
import data.gateway.tokens
import data.gateway.usage

# METADATA
# title: Inference decision
# description: >-
#   Whether the request may go to the model, to which version, and what has to be done for it:
#   everything that admission asks, and everything about the body.
# entrypoint: true
default decision := {
	"allow": false,
	"reasons": [{"rule": "policy.undecided", "message": "no rule decided on this request"}],
}

decision := {"allow": false, "reasons": reason.sorted(reasons)} if count(reasons) > 0

decision := {"allow": true, "route": routing.route, "obligations": obligations} if {
	count(reasons) == 0
}

# Nothing about the body is looked at, or told, of a model that the principal does not know of.
reasons := admission.reasons if model.unknown

reasons := union({
	admission.reasons,
	budgets.deny,
	consent.deny,
	detectors.deny,
	facts.missing_for_inference,
	guard.deny,
	limits.deny,
	parameters.deny,
	privacy.deny,
	streaming.deny,
	tokens.deny,
	usage.deny,
}) if {
	not model.unknown
}

# In the order in which they are carried out.
obligations := array.flatten([
	sort(consent.obligations),
	sort(privacy.obligations),
	sort(tokens.obligations),
	sort(guard.obligations),
	limits.obligations,
	budgets.obligations,
])
