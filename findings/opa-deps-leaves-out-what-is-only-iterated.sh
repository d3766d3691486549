#!/bin/sh
# `opa deps` of OPA 1.19.1 does not name a document that a rule only iterates over with two variables.
#
# `names contains name if some name, _ in data.models` depends on `data.models`, and `opa deps` lists
# nothing; with one variable, `some name in data.models`, or with a second expression in the body, it
# lists it. A check that asks `opa deps` which data a policy reads, or which rules another one
# reaches, therefore calls used things unused.
#
# Seen with github.com/open-policy-agent/opa v1.19.1. Needs go and jq; builds OPA once, some minutes.
set -eu
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
GOBIN="$work" GOPATH="$work/go" CGO_ENABLED=0 go install github.com/open-policy-agent/opa@v1.19.1
"$work/opa" version | head -n 1

cat > "$work/p.rego" <<'REGO'
package p

two contains name if some name, _ in data.models

two_and_more contains name if {
	some name, about in data.prices
	about.free
}

one contains name if some name in data.regions
REGO
printf '{"models": {"chat": {}}, "prices": {"chat": {"free": true}}, "regions": ["eu"]}' > "$work/data.json"

reads() {
	"$work/opa" deps --format json --data "$work/p.rego" "data.p.$1" |
		jq -r '[.base // [] | .[] | map(.value) | join(".")] | join(" ")'
}
for rule in two two_and_more one; do
	"$work/opa" eval --format raw --data "$work/p.rego" --data "$work/data.json" "data.p.$rule"
	echo "$rule reads: $(reads $rule)"
done

test "$("$work/opa" eval --format raw --data "$work/p.rego" --data "$work/data.json" data.p.two)" = '["chat"]'
test "$(reads two)" = ''
test "$(reads two_and_more)" = 'data.prices'
test "$(reads one)" = 'data.regions'
echo 'as described: the first rule reads data.models, and opa deps lists nothing'
