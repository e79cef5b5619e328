"""The console: everyone sits at one terminal. The first channel, and the one of the demo and the behaviour tests."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from bot.delivery.messages import Abilities, Delivery, Inbound, Outbound, Report, shortened

NAME = "console"


class Console:
    """Hands every message to ``show``; an address is the short name of the person who sits there."""

    name = NAME
    abilities = Abilities(buttons=True, pictures=False, longest=100_000)

    def __init__(self, show: Callable[[Delivery], None]) -> None:
        self._show = show

    def cost(self, _message: Outbound) -> int:
        return 1

    async def send(self, delivery: Delivery) -> str:
        text = shortened(delivery.message.text, self.abilities.longest)
        self._show(replace(delivery, message=replace(delivery.message, text=text)))
        return f"console-{delivery.id}"

    async def report(self, _provider_id: str) -> Report | None:
        return None

    async def find(self, _delivery: Delivery, _since: datetime, _known: Collection[str] = ()) -> Report | None:
        return None


def heard(address: str, text: str) -> Inbound:
    """What someone at the terminal has typed."""
    return Inbound(NAME, address, uuid4().hex, text)
