# METADATA
# title: Reasons
# description: >-
#   Builds every reason a decision can give. `rule` is stable: clients, dashboards and tests know
#   it. A hidden reason is logged and not told.
# schemas:
#   - input: schema["input.schema"]
package gateway.reason

# The answer is 403.
forbidden(rule, message) := {"rule": rule, "message": message}

# The answer is 404.
not_found(rule, message) := {"rule": rule, "message": message, "status": 404}

# The answer is 429.
exhausted(rule, message) := {"rule": rule, "message": message, "status": 429}

# The answer is 503: the request may pass later.
unavailable(rule, message) := {"rule": rule, "message": message, "status": 503}

# The true cause of a `not_found`, for the log alone.
hidden(rule, message) := {"rule": rule, "message": message, "status": 404, "hidden": true}

# Reads "max_tokens 900 is over the 512 that tier free allows".
over(rule, what, value, ceiling) := forbidden(
	rule,
	concat(" ", [what, number(value), "is over the", number(ceiling), tier_allows]),
)

# Reads "response_format json_schema is not among those that tier free allows".
not_among(rule, what, value) := forbidden(
	rule,
	concat(" ", [what, value, "is not among those", tier_allows]),
)

# By rule, so that equal inputs give equal decisions.
sorted(reasons) := [entry[2] |
	some entry in sort({[reason.rule, reason.message, reason] | some reason in reasons})
]

# As short as it can be, 2 for 2.0 too: otherwise each engine writes it in its own way.
number(value) := trim_suffix(json.marshal(value), ".0")

tier_allows := concat(" ", ["that tier", input.principal.tier, "allows"])
