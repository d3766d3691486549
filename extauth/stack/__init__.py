"""Finding, starting and watching Envoy, OPA, Triton and the service itself.

Only `extauth.cli` imports it; nothing here touches a request.
"""
