"""The sealed understanding and dialogue runtime: Rasa behind a stateless turn channel, knowing no one, reaching no one."""
