# METADATA
# title: Source networks
# description: A tenant that lists networks may come from these alone.
# schemas:
#   - input: schema["input.schema"]
package gateway.network

import data.gateway.reason

# METADATA
# description: The tenant lists networks, and the request comes from none of them.
deny contains reason.forbidden("network.source", message) if {
	networks := data.networks.tenants[input.principal.tenant]
	not inside(networks)
	message := concat(" ", ["tenant", input.principal.tenant, "may not call from", input.source.ip])
}

inside(networks) if {
	some network in networks
	net.cidr_contains(network, input.source.ip)
}
