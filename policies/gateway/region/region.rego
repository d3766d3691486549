# METADATA
# title: Data residency
# description: A principal's data is processed in its own region, or where its tenant allows.
# schemas:
#   - input: schema["input.schema"]
package gateway.region

permits_model if data.catalog.models[input.model.name].region in allowed

allowed := object.get(data.residency.tenants, input.principal.tenant, own)

own := data.residency.undeclared if is_null(input.principal.region)

own := [input.principal.region] if not is_null(input.principal.region)
