# METADATA
# title: Consent
# description: >-
#   What personal data is processed for: a purpose that the person behind it has agreed to, where
#   the tenant asks for that.
# schemas:
#   - input: schema["input.schema"]
package gateway.consent

import data.gateway.obligation
import data.gateway.reason

# METADATA
# description: The client names a purpose that the policy's data does not have.
deny contains reason.forbidden("consent.purpose", message) if {
	is_string(input.purpose)
	count(data.consent.purposes) > 0
	not input.purpose in data.consent.purposes
	message := concat(" ", ["nothing is processed here for the purpose", input.purpose])
}

# METADATA
# description: The body holds personal data, and nobody has agreed that it is used for this.
deny contains reason.forbidden("consent.missing", message) if {
	without == "deny"
	some kind in uncovered
	message := concat(" ", ["there is no consent to use data of kind", kind, what_for])
}

# METADATA
# description: The policy's data does not say what becomes of personal data without a consent.
deny contains reason.forbidden("consent.unknown", message) if {
	not without in {"allow", "mask", "deny"}
	message := "the policy's data does not say what becomes of personal data without a consent"
}

obligations contains obligation.mask(sort(uncovered), "redact") if {
	without == "mask"
	count(uncovered) > 0
}

# Personal data that was found and that no consent covers.
uncovered := {kind |
	some kind in data.consent.personal
	input.sensitive[kind] > 0
} if {
	not agreed
}

agreed if {
	input.purpose in input.principal.consent.purposes
	holds
}

holds if is_null(input.principal.consent.expires)

holds if input.principal.consent.expires >= input.time.date

without := object.get(data.consent.tenants, input.principal.tenant, data.consent.without)

default what_for := "without a purpose: name it in x-request-purpose"

what_for := concat(" ", ["for the purpose", input.purpose]) if is_string(input.purpose)
