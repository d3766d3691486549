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
	some model, bucket in input.buckets
	some name, reference in references(model, bucket)
	told := admission.decision with input.model as reference
	told.allow == true
}

# Every name by which a model can be asked for; none for one that the gateway does not have.
references(model, bucket) := object.union_n([whole, versions, aliases]) if {
	entry := data.catalog.models[model]
	whole := {model: reference(model, null, null, bucket)}
	versions := {concat("@", [model, version]): reference(model, version, null, bucket) |
		some version in entry.versions
	}
	aliases := {concat("@", [model, alias]): reference(model, null, alias, bucket) |
		some alias, _ in entry.aliases
	}
}

reference(model, version, alias, bucket) := {
	"name": model,
	"version": version,
	"alias": alias,
	"bucket": bucket,
}
