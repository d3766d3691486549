"""Snapshots put into service: compiled, applied, rolled back, compared, tried on a share."""
