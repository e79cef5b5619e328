"""What danger is, as pure functions; nothing here does I/O (but a rule loader) or imports the rest of `bot`."""
