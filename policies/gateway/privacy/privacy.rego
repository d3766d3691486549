# METADATA
# title: Privacy
# description: Which kinds of sensitive data are refused, and which are masked.
# schemas:
#   - input: schema["input.schema"]
package gateway.privacy

import data.gateway.obligation
import data.gateway.reason
import data.gateway.tier

# METADATA
# description: The body holds sensitive data of a kind that the tier may not send.
deny contains reason.forbidden("privacy.kind", message) if {
	some kind in found
	kind in tier.profile.blocked_kinds
	message := concat(" ", ["tier", input.principal.tier, "may not send data of kind", kind])
}

# Without a treatment there would be no obligation, and nothing masked.
# METADATA
# description: The policy's data names no treatment that there is.
deny contains reason.forbidden("masking.unknown", "the policy's data does not say how to mask") if {
	not treatment_known
}

treatment_known if treatment in {"placeholder", "redact"}

obligations contains obligation.mask(kinds, treatment) if {
	not exempt_role
	kinds := sort(found - exempt_kinds)
	count(kinds) > 0
}

found := {kind | some kind, times in input.sensitive; times > 0}

exempt_role if {
	some role in input.principal.roles
	role in data.masking.exempt_roles
}

exception := object.get(data.masking.tenants, input.principal.tenant, {})

exempt_kinds := {kind | some kind in exception.exempt_kinds}

treatment := object.get(exception, "treatment", data.masking.treatment)
