"""What travels: an inbound text, an outbound text with its choices, the lanes, the errors a channel may give."""

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, IntEnum, StrEnum
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


class Fault(Enum):
    """Why a message was certainly not sent: a closed set, each with a sentence for staff and whether to try again."""

    BUSY = ("the provider asks us to slow down", True)
    DOWN = ("the provider does not work at the moment", True)
    UNREACHABLE = ("their phone cannot be reached at the moment", True)
    BLOCKED = ("they have blocked us: phone them", False)
    OPTED_OUT = ("they have stopped our messages: phone them", False)
    NO_SUCH_ADDRESS = ("this address does not exist or takes no messages: ask them for another", False)
    REFUSED = ("the provider refuses this message: look at its words", False)
    NOT_ALLOWED = ("our account may not send: check its token, its balance and its registration", False)
    NO_CHANNEL = ("the channel of this address is not set up: `handrail doctor` says what it needs", False)

    def __init__(self, sentence: str, retry: bool) -> None:
        self.sentence = sentence
        self.retry = retry


class SendError(Exception):
    """A channel could not send. ``wait`` is how long the provider wants to be left alone, where it says so."""

    def __init__(self, fault: Fault, wait: timedelta | None = None) -> None:
        super().__init__(fault.sentence)
        self.fault = fault
        self.wait = wait


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
