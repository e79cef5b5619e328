"""The console: everyone sits at one terminal. The first channel, and the one of the demo and the behaviour tests."""

from collections.abc import Callable
from uuid import uuid4

from bot.delivery.messages import Delivery, Inbound

NAME = "console"


class Console:
    """Hands every message to ``show``; an address is the short name of the person who sits there."""

    name = NAME

    def __init__(self, show: Callable[[Delivery], None]) -> None:
        self._show = show

    async def send(self, delivery: Delivery) -> str:
        self._show(delivery)
        return f"console-{delivery.id}"


def heard(address: str, text: str) -> Inbound:
    """What someone at the terminal has typed."""
    return Inbound(NAME, address, uuid4().hex, text)
