"""`make bench-gate`: what a request costs in one checkout, against another one."""
