"""The ways to a person: each channel sends, and hands what it hears to the intake. One closed set of send errors."""
