# METADATA
# title: Privacy
# description: >-
#   Which kinds of sensitive data are refused, and what becomes of the others: in the request, and
#   in the answer to it.
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

# METADATA
# description: The body holds sensitive data of a kind that the policy's data blocks.
deny contains reason.forbidden("privacy.blocked", message) if {
	some kind in request.block
	message := concat(" ", ["data of kind", kind, "may not be sent"])
}

# Without a treatment there would be no obligation, and nothing masked.
# METADATA
# description: The policy's data names no treatment that there is.
deny contains reason.forbidden("masking.unknown", "the policy's data does not say how to mask") if {
	not known
}

known if {
	treatment in treatments
	every treated, _ in request {
		treated in treatments
	}
	every treated, _ in answer {
		treated in treatments
		treated != "placeholder"
	}
}

obligations contains obligation.mask(sort(kinds), treated) if {
	some treated, kinds in request
	not treated in {"block", "exempt"}
}

obligations contains obligation.mask_answer(sort(kinds), treated) if {
	some treated, kinds in answer
	treated != "exempt"
}

# The kinds found in the request, by treatment. What names a kind comes before what speaks of all.
default request := {}

request := grouped({kind: object.get(named, kind, treatment) | some kind in found}) if {
	not exempt_role
}

# The kinds to look for in the answer, by treatment: those that are named.
default answer := {}

answer := grouped(said(data.masking.answers)) if {
	not exempt_role
}

found := {kind | some kind, times in input.sensitive; times > 0}

exempt_role if {
	some role in input.principal.roles
	role in data.masking.exempt_roles
}

named := said(data.masking)

# What the roles say comes before the tenant, and that before the model.
treatment := own if {
	own := strictest(of_roles)
} else := own if {
	own := data.masking.tenants[input.principal.tenant].treatment
} else := own if {
	own := data.masking.models[input.model.name].treatment
} else := data.masking.treatment

of_roles := {data.masking.roles[role].treatment | some role in input.principal.roles}

# What is said about kinds, in the same order.
said(rules) := object.union_n([
	object.get(rules, "kinds", {}),
	object.get(rules, ["models", input.model.name, "kinds"], {}),
	object.get(rules, ["tenants", input.principal.tenant, "kinds"], {}),
	{kind: strictest(given) |
		some role in input.principal.roles
		some kind, _ in rules.roles[role].kinds
		given := {rules.roles[each].kinds[kind] | some each in input.principal.roles}
	},
])

# What nobody knows comes first: it denies.
strictest(given) := array.concat(
	[treated | some treated in given; not treated in treatments],
	[treated | some treated in treatments; treated in given],
)[0]

treatments := ["block", "redact", "hash", "stand_in", "placeholder", "note", "exempt"]

grouped(by_kind) := {treated: kinds |
	some treated in {each | some each in by_kind}
	kinds := {kind | some kind, each in by_kind; each == treated}
}
