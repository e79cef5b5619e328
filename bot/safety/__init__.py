"""What danger is: pure functions over text and rules; no I/O beyond a rule loader, nothing else from `bot`."""
