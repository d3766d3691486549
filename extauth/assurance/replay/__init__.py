"""What would this policy have done? Recorded decisions, asked again.

Workers import their part alone, so this package imports nothing.
"""
