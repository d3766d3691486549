package gateway.hours_test

import data.gateway.example_test as example
import data.gateway.hours

office := [{"days": ["wednesday"], "from": "08:00", "to": "18:30"}]

denied(hour, minute, opening) := told if {
	facts := object.union(example.chat, {"time": {"hour": hour, "minute": minute}})
	told := hours.deny with input as facts with data.hours as opening
}

test_open if {
	denied(8, 0, {"tenants": {"acme": office}}) == set()
	denied(18, 29, {"tenants": {"acme": office}}) == set()
}

test_closed if {
	count(denied(7, 59, {"tenants": {"acme": office}})) == 1
	denied(18, 30, {"tenants": {"acme": office}}) == {{
		"rule": "hours.closed",
		"message": "tenant acme may not call on wednesday at 18:30",
	}}
}

test_tiers_have_hours_too if {
	denied(9, 5, {"tiers": {"gold": office}}) == set()
	denied(3, 5, {"tiers": {"gold": office}}) == {{
		"rule": "hours.closed",
		"message": "tier gold may not call on wednesday at 03:05",
	}}
}

test_another_day_is_closed if {
	sunday := [{"days": ["sunday"], "from": "00:00", "to": "24:00"}]
	count(denied(12, 0, {"tenants": {"acme": sunday}})) == 1
}

test_no_hours_is_open if denied(3, 0, {"tenants": {}, "tiers": {}}) == set()

test_the_clock_has_two_digits if {
	every time in [[9, 10, "09:10"], [10, 9, "10:09"], [11, 0, "11:00"]] {
		some reason in denied(time[0], time[1], {"tenants": {"acme": []}})
		endswith(reason.message, concat(" ", ["on wednesday at", time[2]]))
	}
}
