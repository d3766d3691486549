# METADATA
# title: Off-peak
# description: >-
#   Off-peak, a tenant that used little in the last day has larger limits. Stands in for
#   `limits.obligations`.
# schemas:
#   - input: schema["input.schema"]
package gateway.off_peak

import data.gateway.hours
import data.gateway.limits
import data.gateway.obligation

obligations := [larger |
	some limit in limits.obligations
	larger := obligation.limit(object.union(limit, {"max": floor(limit.max * plan.factor)}))
] if {
	hours.open(data.off_peak.hours)
	input.usage.tenant.day.tokens < plan.below
} else := limits.obligations

plan := data.off_peak.tiers[input.principal.tier]
