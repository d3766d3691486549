# METADATA
# title: Patterns
# description: Names in data are exact, or end in * for anything that begins so.
package gateway.pattern

# Whether any of the patterns matches the name.
matches(patterns, name) if name in patterns

matches(patterns, name) if {
	some pattern in patterns
	endswith(pattern, "*")
	startswith(name, trim_suffix(pattern, "*"))
}
