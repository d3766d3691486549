# METADATA
# title: Admission
# description: Decides on a request before its body is read.
# schemas:
#   - input: schema["input.schema"]
package gateway.admission

import data.gateway.facts
import data.gateway.hours
import data.gateway.model
import data.gateway.network
import data.gateway.rbac
import data.gateway.reason
import data.gateway.routing
import data.gateway.tier

# METADATA
# title: Admission decision
# description: >-
#   Whether the principal may call the operation at all, and on the model if the path names one.
#   Then the decision has a route as well.
# entrypoint: true
default decision := {
	"allow": false,
	"reasons": [{"rule": "policy.undecided", "message": "no rule decided on this request"}],
}

decision := {"allow": false, "reasons": reason.sorted(reasons)} if count(reasons) > 0

decision := {"allow": true} if {
	count(reasons) == 0
	is_null(input.model)
}

decision := {"allow": true, "route": routing.route} if count(reasons) == 0

reasons := union({
	facts.missing_for_admission,
	hours.deny,
	model.deny,
	network.deny,
	rbac.deny,
	tier.deny,
})
