package gateway.streaming_test

import data.gateway.example_test as example
import data.gateway.streaming

streamed := object.union(example.chat, {"parameters": {"stream": true}})

still := object.union(example.tiers, {"gold": {"streaming": false}})

test_a_tier_allows_streaming if {
	count(streaming.deny) == 0 with input as streamed with data.tiers as example.tiers
}

test_a_tier_forbids_streaming if {
	told := streaming.deny with input as streamed with data.tiers as still
	told == {{"rule": "streaming.forbidden", "message": "tier gold may not stream"}}
}

test_a_whole_answer_passes if {
	count(streaming.deny) == 0 with input as example.chat with data.tiers as still
}
