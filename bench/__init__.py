"""How fast Sluice is, against Envoy alone, a no-op service of the same shape, and LiteLLM."""
