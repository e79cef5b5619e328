"""What travels: an inbound text, an outbound text with its choices, the lanes, the errors a channel may give."""

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Any, Protocol


class Lane(IntEnum):
    """Which goes first. The crisis lane skips opt-out, quiet hours and every still-wanted check."""

    CRISIS = 0
    ALERT = 1
    REPLY = 2
    CHECK_IN = 3
    NOTICE = 4

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


# Longer than anything waits to be tried again: whatever is due later than this was dated by a clock that was ahead.
CLOCK_WENT_BACK = timedelta(minutes=15)


class OutStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


class InStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text as a channel received it. ``provider_id`` is the channel's own id: a second one is a duplicate."""

    channel: str
    address: str
    provider_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Something a person may tap or type: what they see, and what Handrail hears."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True)
class Outbound:
    """A text to be sent, with choices; ``alert`` describes the alert for a staff channel."""

    text: str
    choices: tuple[Choice, ...] = ()
    alert: dict[str, Any] | None = None

    def dump(self) -> str:
        return json.dumps(
            {"text": self.text, "choices": [[c.title, c.payload] for c in self.choices], "alert": self.alert}
        )

    @classmethod
    def parse(cls, body: str) -> "Outbound":
        data = json.loads(body)
        return cls(data["text"], tuple(Choice(t, p) for t, p in data["choices"]), data["alert"])


# Marks that turn the direction of writing: they would show staff another text than the one that was written.
_TURNING = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> str:
    """A person's text as staff may read it: in one line, nothing in it that moves, colours or turns what is shown."""
    line = _TURNING.sub("", " ".join(text.split()))
    return "".join(c if c.isprintable() else "\u00b7" for c in line)


class SendError(Exception):
    """A channel could not send. ``retry`` says whether trying again can help; the text is for staff."""

    def __init__(self, sentence: str, *, retry: bool) -> None:
        super().__init__(sentence)
        self.retry = retry


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a channel is handed: where to, what, in which lane, and whether it may have been sent before."""

    id: str
    address: str
    message: Outbound
    lane: Lane
    repeat: bool = field(default=False)


class Channel(Protocol):
    """A way to a person. ``send`` returns the provider's id of the message.

    Raises:
        SendError: it was certainly not sent. Any other error, and no answer within the sender's time, mean that
            nobody knows: safety replies and alerts are then sent again and marked, nothing else is.
    """

    name: str

    async def send(self, delivery: Delivery) -> str: ...
