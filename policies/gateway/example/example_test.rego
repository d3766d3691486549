# METADATA
# title: Examples
# description: Facts and data that the tests beside the rules begin from. No rule reads them.
package gateway.example_test

# Ada asks the chat model something short.
chat := {
	"request": {"api": "openai", "operation": "chat.completions"},
	"principal": {
		"id": "acme/ada",
		"kind": "api_key",
		"tenant": "acme",
		"tier": "gold",
		"roles": ["writer"],
		"region": "north",
		"attributes": {},
	},
	"source": {"ip": "203.0.113.7"},
	"time": {"date": "2026-03-04", "weekday": "wednesday", "hour": 9, "minute": 5},
	"model": {"name": "chat", "version": null, "alias": null, "bucket": 5000},
	"parameters": {
		"max_tokens": 100,
		"temperature": 0.5,
		"top_p": null,
		"n": 1,
		"stream": false,
		"seed": null,
		"stop": 0,
		"tools": 0,
		"response_format": "text",
		"inputs": 1,
	},
	"tokens": {"prompt": 20, "max_completion": 100, "exact": true},
	"sensitive": {},
	"usage": {"principal": windows, "tenant": windows, "counters": {}},
	"exceeded": [],
	"load": {"pending": 0, "queue_ms": 1.5, "in_flight": 1, "gpu": null, "age": 0.5},
	"behaviour": {"requests": 1, "denied": 0, "limited": 0, "failed": 0},
	"guard": {
		"score": 0,
		"families": [],
		"invisible": 0,
		"encoded": 0,
		"links": 0,
		"topics": [],
	},
}

windows := {"minute": counters, "day": counters}

counters := {"requests": 1, "tokens": 10}

# What admission sees of a path that names no model.
bare := object.union(chat, {
	"model": null,
	"parameters": null,
	"tokens": null,
	"sensitive": null,
	"usage": null,
	"load": null,
	"behaviour": null,
	"guard": null,
})

models := {
	"chat": {
		"backend_kind": "triton",
		"cluster": "triton",
		"region": "north",
		"versions": ["1", "2"],
		"aliases": {"stable": "1", "next": "2"},
		"default": "1",
	},
	"vault": {
		"backend_kind": "triton",
		"cluster": "triton",
		"region": "south",
		"versions": ["1"],
		"aliases": {},
		"default": "1",
	},
}

tiers := {"gold": {
	"pool": "shared",
	"max_prompt_tokens": 1000,
	"max_tokens": 500,
	"over_max_tokens": "deny",
	"tokens_per_day": 10000,
	"temperature": 1.5,
	"choices": 2,
	"inputs": 3,
	"tools": 4,
	"response_formats": ["text"],
	"streaming": true,
	"blocked_kinds": ["secret"],
	"versions": ["1"],
	"aliases": ["stable", "missing"],
}}

roles := {
	"writer": {"operations": ["chat.*"], "models": ["chat"]},
	"reader": {"operations": ["models.*", "server.live"], "models": ["*"], "versions": ["*"]},
}

limits := {
	"tiers": {"gold": [{
		"name": "principal-requests",
		"of": ["principal"],
		"unit": "requests",
		"window": 60,
		"max": 20,
	}]},
	"tenants": {"hooli": [{
		"name": "tenant-tokens",
		"of": ["tenant"],
		"unit": "tokens",
		"window": 3600,
		"max": 10,
	}]},
}

# Links pass: what is obliged is what the rules beside say.
guard := {
	"score": 0.8,
	"invisible": 0,
	"denied_topics": ["weapons"],
	"links": "pass",
	"allowed_domains": [],
	"tiers": {},
	"tenants": {},
	"roles": {},
	"exempt_roles": [],
	"topics": {},
}

rules(reasons) := {reason.rule | some reason in reasons}
