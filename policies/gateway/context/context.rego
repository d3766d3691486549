# METADATA
# title: Context
# description: What becomes of a chat that is longer than its tier or its model allows.
# schemas:
#   - input: schema["input.schema"]
package gateway.context

# Only a chat has turns that can be left out.
shortens if {
	input.request.operation == "chat.completions"
	entry.on_exceed == "drop_oldest"
}

entry := data.context.tenants[input.principal.tenant]

entry := data.context.tiers[input.principal.tier] if {
	not data.context.tenants[input.principal.tenant]
}
