"""The processes of a stack: their command lines, supervision, ports, locks and records."""
