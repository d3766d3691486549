"""Sluice: the ext_authz and ext_proc service behind Envoy, its compiler and its command line."""
