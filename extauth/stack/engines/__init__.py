"""The engines of a stack, Envoy, OPA and Triton: found, fetched, and held to their versions."""
