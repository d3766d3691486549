"""A stack on one machine: Envoy, OPA, Triton and the service, found, started and kept running.

The command line alone imports it, and none of it touches a request.
"""
