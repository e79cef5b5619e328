"""What recovery is: plan, check-in, craving, skill, scales. Pure values and functions; no I/O, no clock, no database."""
