"""SMS: short, in as few segments as can be, with numbers instead of buttons; whoever carries it is behind a port."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.channels.carriers import without_drugs
from bot.channels.segments import fit, to_gsm
from bot.delivery.messages import Abilities, Delivery, Inbound, Lane, Outbound, Report

NAME = "sms"
# The most that carriers take as one message, in ten segments.
LONGEST = 1_500


class Forged(Exception):
    """A webhook call that the provider did not sign."""


class Unreadable(Exception):
    """A webhook call that is signed and makes no sense; says why."""


class Provider(Protocol):
    """Whoever carries text messages. Another one is another class like this, and a line in ``connections.py``."""

    async def send(self, to: str, body: str, message_id: str) -> str:
        """Hand a text over; returns the provider's id. Raises like ``Channel.send``."""
        ...

    async def report(self, provider_id: str) -> Report | None:
        """What became of a text."""
        ...

    async def find(self, to: str, body: str, since: datetime, known: Collection[str] = ()) -> Report | None:
        """Look for a text that may have been handed over, and is none of the known ones.

        Raises:
            SendError: it certainly was not.
        """
        ...

    async def received(self, since: datetime) -> Sequence[Inbound]:
        """The texts that came in, by the provider's own record: what no webhook call has brought us."""
        ...

    def check(self, path: str, form: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> None:
        """Raises ``Forged`` unless the provider has signed this call to a path of ours, with its query."""
        ...

    def inbound(self, form: Sequence[tuple[str, str]]) -> Inbound:
        """The text that a call brings. Raises ``Unreadable``."""
        ...

    def receipt(self, form: Sequence[tuple[str, str]]) -> Report:
        """What a call says of a text that we sent. Raises ``Unreadable``."""
        ...

    async def examine(self) -> str | None:
        """What is wrong with the account, in a sentence; nothing where it can be used."""
        ...

    async def close(self) -> None: ...


class Sms:
    """Fits what is to be said into text messages.

    Args:
        exempt: fixed texts that may name drugs, because they save lives or must stand word for word.
    """

    name = NAME

    def __init__(self, provider: Provider, rate: float, exempt: frozenset[str] = frozenset()) -> None:
        self.provider = provider
        self.abilities = Abilities(
            buttons=False, pictures=False, longest=LONGEST, segments=True, receipts=True, passed_on=True, rate=rate
        )
        self._exempt = exempt

    def cost(self, message: Outbound) -> int:
        return fit(self._body(message, Lane.CRISIS)).segments

    async def send(self, delivery: Delivery) -> str:
        body = self._body(delivery.message, delivery.lane)
        return await self.provider.send(delivery.address, body, delivery.id)

    async def report(self, provider_id: str) -> Report | None:
        return await self.provider.report(provider_id)

    async def find(self, delivery: Delivery, since: datetime, known: Collection[str] = ()) -> Report | None:
        return await self.provider.find(delivery.address, self._body(delivery.message, delivery.lane), since, known)

    def _body(self, message: Outbound, lane: Lane) -> str:
        exempt = lane in (Lane.CRISIS, Lane.ALERT) or message.text in self._exempt
        text = message.with_numbers
        if not exempt:
            text = without_drugs(text)
        text = to_gsm(text)
        if len(text) <= LONGEST:
            return text
        # Of a long story the end says what is so now.
        return f"{text[:500]} ... {text[-(LONGEST - 505) :]}"
