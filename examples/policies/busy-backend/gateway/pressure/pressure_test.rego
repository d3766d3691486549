package gateway.pressure_test

import data.gateway.example_test as example
import data.gateway.pressure

plan := {
	"bounds": {"pending": 8, "queue_ms": 2000},
	"off_peak": {
		"bounds": {"pending": 32, "queue_ms": 10000},
		"hours": [{"days": ["wednesday"], "from": "20:00", "to": "24:00"}],
	},
	"can_wait": ["gold"],
	"shorten_to": 0.5,
}

busy(load, hour) if {
	pressure.busy with input as object.union(example.chat, {"load": load, "time": {"hour": hour}})
		with data.pressure as plan
}

clamps(load, asked) := told if {
	told := pressure.obligations with input as object.union(example.chat, {
		"load": load,
		"parameters": {"max_tokens": asked},
		"tokens": {"max_completion": 400},
	})
		with data.pressure as plan
		with data.tiers as example.tiers
}

test_an_idle_backend_is_not_busy if not busy({}, 9)

test_a_long_queue_is_busy if {
	not busy({"pending": 7}, 9)
	busy({"pending": 8}, 9)
}

test_a_long_wait_is_busy if {
	not busy({"queue_ms": 1999.9}, 9)
	busy({"queue_ms": 2000}, 9)
}

test_a_wait_that_is_not_known_is_none if not busy({"queue_ms": null}, 9)

test_a_load_that_is_not_known_is_busy if {
	busy(null, 9)
	pressure.busy with input as object.remove(example.chat, ["load"]) with data.pressure as plan
}

test_off_peak_it_may_be_busier if {
	not busy({"pending": 31, "queue_ms": 9999}, 20)
	busy({"pending": 32}, 20)
	busy({"queue_ms": 10000}, 20)
}

test_answers_are_shorter_while_it_is_busy if {
	clamps({"pending": 8}, 400) == {{"type": "clamp", "max_tokens": 250}}
	clamps({"pending": 8}, null) == {{"type": "clamp", "max_tokens": 250}}
}

test_an_answer_that_is_short_stays if clamps({"pending": 8}, 250) == set()

test_answers_stay_while_it_is_idle if clamps({}, 400) == set()

denied(load, tier) := told if {
	facts := object.union(example.chat, {"load": load, "principal": {"tier": tier}})
	told := pressure.deny with input as facts with data.pressure as plan
}

test_who_can_wait_is_sent_away if {
	denied({"pending": 8}, "gold") == {{
		"rule": "pressure.busy",
		"message": "model chat is busy, and tier gold can wait; try again later",
		"status": 429,
	}}
}

test_who_can_not_wait_is_served if denied({"pending": 8}, "silver") == set()

test_nobody_is_sent_away_while_it_is_idle if denied({}, "gold") == set()
