"""What Handrail does for a person, one file a feature: load, decide with `recovery`, stage or write in the caller's unit."""
