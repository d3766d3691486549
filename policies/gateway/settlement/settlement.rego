# METADATA
# title: Settlement
# description: What is charged for tokens that could only be estimated.
# schemas:
#   - input: schema["input.schema"]
package gateway.settlement

import data.gateway.obligation
import data.gateway.routing

obligations contains obligation.settle(by) if input.tokens.exact == false

by := object.get(data.settlement.models, routing.route.model, data.settlement.estimated)
