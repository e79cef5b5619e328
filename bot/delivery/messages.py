"""What travels: an inbound text, an outbound text with its choices, the lanes, the errors a channel may give."""

import base64
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
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
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


class InStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    SET_ASIDE = "set_aside"


class Shape(StrEnum):
    """What came in. ``GONE``: they have blocked us, or deleted the chat; there is no text then."""

    TEXT = "text"
    EDIT = "edit"
    TAP = "tap"
    MEDIA = "media"
    GONE = "gone"


class Ask(StrEnum):
    """What is asked of the sending itself, and answered without the engine: a command of the channel, or in words."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    CRISIS = "crisis"
    DETAILS = "details"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message as a channel received it. ``provider_id`` is the channel's own id: a second one is a duplicate.

    Attributes:
        text: what was written; a caption; of a tap nothing, because the choice says it.
        tapped: of a tap, the id of our message and which of its choices, counted from 0.
        media: of media, what it is, such as "a picture".
        ask: a command of the channel.
        keywords: whether single words such as STOP count, as carriers demand.
        answered: whether the provider itself has answered the keyword, so that we do not.
        language: the language of the sender's device, where the channel tells it; used for strangers.
        written_at: when it was written by the channel's clock, where it tells.
        spooled_at: when it came, where it has waited in the spool since.
    """

    channel: str
    address: str
    provider_id: str
    text: str
    shape: Shape = Shape.TEXT
    tapped: tuple[str, int] | None = None
    media: str = ""
    ask: Ask | None = None
    keywords: bool = False
    answered: bool = False
    language: str = "en"
    written_at: datetime | None = None
    spooled_at: datetime | None = None

    def dump(self) -> str:
        """As text, for the spool."""
        return json.dumps(asdict(self), default=datetime.isoformat)

    @classmethod
    def parse(cls, body: str) -> "Inbound":
        """What ``dump`` wrote.

        Raises:
            ValueError, LookupError, TypeError: it is something else.
        """
        data = json.loads(body)
        tapped, ask = data.pop("tapped"), data.pop("ask")
        told = {name: data.pop(name, None) for name in ("written_at", "spooled_at")}
        times = {name: datetime.fromisoformat(time) if time else None for name, time in told.items()}
        return cls(
            **{**data, "shape": Shape(data["shape"])},
            tapped=(str(tapped[0]), int(tapped[1])) if tapped else None,
            ask=Ask(ask) if ask else None,
            written_at=times["written_at"],
            spooled_at=times["spooled_at"],
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """Something a person may tap or type: what they see, and what Handrail hears."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True)
class Outbound:
    """A text to be sent, with choices.

    Attributes:
        alert: describes the alert, for a staff channel.
        picture: a PNG that goes with the text, where the channel can show pictures; the text says all that matters.
    """

    text: str
    choices: tuple[Choice, ...] = ()
    alert: dict[str, Any] | None = None
    picture: bytes | None = None

    def dump(self) -> str:
        choices = [[c.title, c.payload] for c in self.choices]
        picture = {"picture": base64.b64encode(self.picture).decode()} if self.picture else {}
        return json.dumps({"text": self.text, "choices": choices, "alert": self.alert, **picture})

    @classmethod
    def parse(cls, body: str) -> "Outbound":
        data = json.loads(body)
        picture = base64.b64decode(data["picture"]) if "picture" in data else None
        return cls(data["text"], tuple(Choice(t, p) for t, p in data["choices"]), data["alert"], picture)

    @property
    def numbered(self) -> bool:
        """Whether the choices get numbers where there are no buttons: only where none of them is a number itself."""
        return bool(self.choices) and not any(choice.title[:1].isdigit() for choice in self.choices)

    @property
    def with_numbers(self) -> str:
        """The text where there are no buttons: its choices below it, with numbers; a page has its own short answers."""
        if not self.numbered or self.alert is not None:
            return self.text
        return self.text + "".join(f"\n{at} {choice.title}" for at, choice in enumerate(self.choices, start=1))

    def chosen(self, text: str, *, last: bool = False, numbers: bool = False) -> Choice | None:
        """The choice that a text names.

        Args:
            last: nothing was said after this message, so that the number or the words of "1 yes" are enough.
            numbers: the choices were shown with numbers.
        """
        typed = " ".join(text.split()).casefold().strip(" .!")
        if numbers and self.numbered and typed.isdecimal() and 1 <= int(typed) <= len(self.choices):
            return self.choices[int(typed) - 1]
        for choice in self.choices:
            title = choice.title.casefold()
            number, _, words = title.partition(" ")
            if typed == title or (last and words and number.isdecimal() and typed in (number, words)):
                return choice
        return None


# What a question for a number from 0 to 10 offers.
SCALE = tuple(Choice(str(number), str(number)) for number in range(11))


def shown(titles: Sequence[str]) -> str:
    """Choices as they stand in a line of text: "[Yes] [No]", "[0 … 10]"."""
    if len(titles) > 3 and all(title.isdecimal() for title in titles):
        return f"[{titles[0]} \u2026 {titles[-1]}]"
    return " ".join(f"[{title}]" for title in titles)


# Marks that turn the direction of writing: they would show staff another text than the one that was written.
_TURNING = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> str:
    """A person's text as staff may read it: in one line, nothing in it that moves, colours or turns what is shown."""
    line = _TURNING.sub("", " ".join(text.split()))
    return "".join(c if c.isprintable() else "\u00b7" for c in line)


def whole(text: str) -> str:
    """A text without half characters, which no provider takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shortened(text: str, most: int) -> str:
    """A text that is no longer than that, counted as UTF-16 as messengers do; the end says that something is missing."""
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 <= most:
        return text
    cut = text.encode("utf-16-le", "surrogatepass")[: (most - 2) * 2].decode("utf-16-le", "ignore")
    return f"{cut} \u2026"


class NotKept(Exception):
    """Neither the database nor the disk took a message: whoever delivered it must be told to try again."""


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
    UNANSWERED = ("nobody took the call by pressing a key: the next step follows", False)
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


class InDoubt(Exception):
    """Nobody knows whether a message was sent. Says of which sort the trouble was, and nothing of what was sent."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a channel is handed: where to, what, in which lane, and whether it may have been sent before."""

    id: str
    address: str
    message: Outbound
    lane: Lane
    repeat: bool = field(default=False)


class Receipt(IntEnum):
    """How far a message has come, in the order in which it comes there; a later one is never taken back."""

    ACCEPTED = 1
    SENT = 2
    DELIVERED = 3
    FAILED = 4


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider says of a message: how far it has come, and why it failed where it did."""

    provider_id: str
    receipt: Receipt
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a channel can do, so that nobody asks which one it is.

    Attributes:
        buttons: choices are shown as buttons; else they stand in the text with numbers.
        pictures: pictures can be sent.
        longest: the most characters of a message.
        segments: a message is cut, and paid, in segments.
        receipts: the provider tells what became of a message, when asked and by itself.
        passed_on: an address that somebody gives up may be given to somebody else.
        rate: how many messages (or segments) a second the account may send; nothing means any number.
    """

    buttons: bool
    pictures: bool
    longest: int
    segments: bool = False
    receipts: bool = False
    passed_on: bool = False
    rate: float | None = None


class Channel(Protocol):
    """A way to a person."""

    @property
    def name(self) -> str: ...

    @property
    def abilities(self) -> Abilities: ...

    def cost(self, message: Outbound) -> int:
        """How much of the account's rate a message takes: 1, or its segments."""
        ...

    async def send(self, delivery: Delivery) -> str:
        """Send a message; returns the provider's id of it.

        Raises:
            SendError: it was certainly not sent.
            InDoubt: nobody knows. Any other error, and no answer within the sender's time, mean the same: safety replies
                and alerts are then sent again and marked, nothing else is.
        """
        ...

    async def report(self, provider_id: str) -> Report | None:
        """What the provider knows of a message now; nothing where it cannot tell."""
        ...

    async def find(self, delivery: Delivery, since: datetime, known: Collection[str] = ()) -> Report | None:
        """Look at the provider for a message of which nobody knows whether it was sent.

        Args:
            known: the provider's ids of messages that are other ones, whatever their words.

        Raises:
            SendError: it was certainly not sent.
        """
        ...
