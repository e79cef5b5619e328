"""From a message that came in to the answer that goes out: intake, turn, the engine and its process."""
