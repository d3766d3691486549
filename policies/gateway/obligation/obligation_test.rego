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
