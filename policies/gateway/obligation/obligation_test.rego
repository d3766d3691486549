package gateway.obligation_test

import data.gateway.obligation

test_limit if {
	given := {"name": "n", "key": "tenant:acme", "unit": "tokens", "window": 60, "max": 5}
	obligation.limit(given) == {
		"type": "limit",
		"name": "n",
		"key": "tenant:acme",
		"unit": "tokens",
		"window": 60,
		"max": 5,
	}
}

test_mask if {
	obligation.mask(["email"], "redact") == {
		"type": "mask",
		"kinds": ["email"],
		"treatment": "redact",
	}
}

test_guard if {
	obligation.guard("strip", ["example.com"]) == {
		"type": "guard",
		"links": "strip",
		"allowed_domains": ["example.com"],
	}
}

test_clamp if obligation.clamp(7) == {"type": "clamp", "max_tokens": 7}

test_context if {
	obligation.context("drop_oldest", 100, 8) == {
		"type": "context",
		"on_exceed": "drop_oldest",
		"max_prompt_tokens": 100,
		"room": 8,
	}
}

test_settle if obligation.settle("backend") == {"type": "settle", "by": "backend"}
