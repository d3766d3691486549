# METADATA
# title: Streaming
# description: Whether an answer may come piece by piece.
# schemas:
#   - input: schema["input.schema"]
package gateway.streaming

import data.gateway.reason
import data.gateway.tier

# METADATA
# description: The tier does not allow answers that come piece by piece.
deny contains reason.forbidden(
	"streaming.forbidden",
	concat(" ", ["tier", input.principal.tier, "may not stream"]),
) if {
	input.parameters.stream
	not tier.profile.streaming
}
