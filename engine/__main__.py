"""Start Rasa sealed: ``python -m engine run …``, ``python -m engine train …``.

With ``HANDRAIL_ENGINE_PARENT=1`` the process also leaves as soon as its standard input ends. The kernel closes
that pipe when the parent dies, however it dies, so a killed application never leaves an engine behind.
"""

import os
import sys
import threading


def leave_with_parent() -> None:
    """Wait for end-of-file on standard input, then end this process at once."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main() -> None:
    os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    if os.environ.get("HANDRAIL_ENGINE_PARENT"):
        threading.Thread(target=leave_with_parent, daemon=True).start()

    from engine import fast_actions, seal

    seal.close()

    from rasa.__main__ import main as rasa_main

    fast_actions.install()
    rasa_main()


if __name__ == "__main__":
    main()
