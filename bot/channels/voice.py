"""Calls: an alert is said aloud, and a key takes it or passes it on. Without a key nothing counts, whoever picked up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.content import FALLBACK_LANGUAGE, Content
from bot.delivery.messages import Abilities, Delivery, Outbound, Report, shortened

NAME = "call"
# Nobody listens to more; and the provider takes what is said in one piece of 4,000 characters.
LONGEST = 500
# Of one account, unless more was agreed with the provider.
CALLS_A_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Script:
    """What is said in a call, how often, and whether a key is awaited.

    Attributes:
        answers: the id of the message whose key is awaited; nothing where the call ends after the words.
        silence: what is said where no key comes.
    """

    words: str
    language: str
    times: int = 1
    answers: str | None = None
    silence: str = ""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key that somebody pressed in a call: which call, to which number, which key."""

    provider_id: str
    to: str
    key: str


class Caller(Protocol):
    """Whoever carries calls."""

    async def ring(self, to: str, script: Script, message_id: str) -> str:
        """Call a number; returns the provider's id of the call. Raises like ``Channel.send``."""
        ...

    async def report(self, provider_id: str) -> Report | None:
        """What became of a call."""
        ...

    def check(self, path: str, form: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> None:
        """Raises ``Forged`` unless the provider has signed this call to a path of ours, with its query."""
        ...

    def pressed(self, form: Sequence[tuple[str, str]]) -> Pressed:
        """The key that a webhook call tells of. Raises ``Unreadable``."""
        ...

    def receipt(self, form: Sequence[tuple[str, str]]) -> Report:
        """What a webhook call says of a call that we made. Raises ``Unreadable``."""
        ...

    def answer(self, script: Script) -> str:
        """How the provider is told what to say now, as the answer to a webhook call."""
        ...

    async def examine(self) -> str | None:
        """What is wrong with the account or its number, in a sentence; nothing where calls can be made."""
        ...

    async def close(self) -> None: ...


class Voice:
    """Says pages in the language of whoever is called, and anything else as it stands."""

    name = NAME
    abilities = Abilities(buttons=False, pictures=False, longest=LONGEST, receipts=True, rate=CALLS_A_SECOND)

    def __init__(self, caller: Caller, content: Content) -> None:
        self.caller = caller
        self._content = content

    def cost(self, _message: Outbound) -> int:
        return 1

    async def send(self, delivery: Delivery) -> str:
        page = delivery.message.alert
        script = self._page(page, delivery) if page else _plain(delivery.message)
        return await self.caller.ring(delivery.address, script, delivery.id)

    async def report(self, provider_id: str) -> Report | None:
        return await self.caller.report(provider_id)

    async def find(self, _delivery: Delivery, _since: datetime, _known: Collection[str] = ()) -> Report | None:
        # The provider keeps no words of a call, and a page in doubt is called again in any case.
        return None

    def says(self, piece: str, language: str = FALLBACK_LANGUAGE) -> str:
        """The answer to a webhook call that says one piece of the content and ends the call."""
        return self.caller.answer(Script(self._say(piece, language), language))

    def _page(self, page: dict[str, Any], delivery: Delivery) -> Script:
        language = page.get("language", FALLBACK_LANGUAGE)
        about = [self._say(f"call_{page['danger'] or page['kind']}", language)]
        if page["level"]:
            about.append(self._say(f"call_{page['level']}", language))
        if page.get("again"):
            about.append(self._say("call_still_open", language))
        if delivery.repeat:
            about.append(self._say("call_repeated", language))
        words = self._say("call_page", language, number=str(page["number"]), about=" ".join(about))
        silence = self._say("call_no_key", language)
        return Script(words, language, times=2, answers=delivery.id, silence=silence)

    def _say(self, piece: str, language: str, **values: str) -> str:
        return self._content.say(f"service.{piece}", "", language, 0, **values)


def _plain(message: Outbound) -> Script:
    return Script(shortened(message.with_numbers, LONGEST), FALLBACK_LANGUAGE, times=2)
