"""How messages come in and go out: inbox, outbox, lanes, sender. Knows nothing of what they say."""
