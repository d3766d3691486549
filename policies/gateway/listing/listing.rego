# METADATA
# title: Model list
# description: >-
#   The models, aliases and versions that a principal may ask for: those on which admission decides
#   for it, one by one, and allows. It has no rules of its own.
# schemas:
#   - input: schema["input.schema"]
package gateway.listing

import data.gateway.admission

# METADATA
# title: Model list
# description: The names that admission allows, such as `chat`, `chat@stable` and `chat@2`.
# entrypoint: true
decision := {"models": sort(names)}

names contains name if {
	some name, reference in references
	told := admission.decision with input.model as reference
	told.allow == true
}

# Every name by which a model of `input.buckets` can be asked for.
references[name] := reference(name, null, null) if {
	some name, _ in input.buckets
	data.catalog.models[name]
}

references[concat("@", [name, version])] := reference(name, version, null) if {
	some name, _ in input.buckets
	some version in data.catalog.models[name].versions
}

references[concat("@", [name, alias])] := reference(name, null, alias) if {
	some name, _ in input.buckets
	some alias, _ in data.catalog.models[name].aliases
}

reference(name, version, alias) := {
	"name": name,
	"version": version,
	"alias": alias,
	"bucket": input.buckets[name],
}
