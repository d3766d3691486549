# METADATA
# title: Opening hours
# description: A tenant or a tier that lists hours may call in these alone.
# schemas:
#   - input: schema["input.schema"]
package gateway.hours

import data.gateway.reason

deny contains closed(["tenant", input.principal.tenant]) if {
	windows := data.hours.tenants[input.principal.tenant]
	not open(windows)
}

deny contains closed(["tier", input.principal.tier]) if {
	windows := data.hours.tiers[input.principal.tier]
	not open(windows)
}

open(windows) if {
	some window in windows
	input.time.weekday in window.days
	window.from <= clock
	clock < window.to
}

# METADATA
# description: The tenant, or the tier, lists hours, and this is none of them.
closed(whom) := reason.forbidden(
	"hours.closed",
	concat(" ", array.concat(whom, ["may not call on", input.time.weekday, "at", clock])),
)

# Texts of one length compare as times do.
clock := concat(":", [two_digits(input.time.hour), two_digits(input.time.minute)])

two_digits(number) := concat("", ["0", format_int(number, 10)]) if number < 10

two_digits(number) := format_int(number, 10) if number >= 10
