"""The exit statuses of a command that failed."""

FAILED = 1
MISCONFIGURED = 2
