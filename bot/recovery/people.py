"""The people Handrail serves and the people behind it."""

from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.recovery.check_in import Rhythm


class Role(StrEnum):
    """Who someone is to the practice. A stranger has written without being invited: danger is heard, nothing else."""

    CLIENT = "client"
    FAMILY = "family"
    STAFF = "staff"
    STRANGER = "stranger"

    @property
    def heard_as(self) -> str:
        """By which role the engine and the danger rules read what is written."""
        return str(Role.CLIENT if self is Role.STRANGER else self)


# Where joining has ended without an agreement: they declined, are too young, or the client wants this relative out.
DECLINED, MINOR, KEPT_OUT = "declined", "minor", "kept_out"
NOT_JOINED = frozenset({DECLINED, MINOR, KEPT_OUT})


@dataclass(frozen=True, slots=True)
class Practice:
    """The organisation that runs Handrail, as it is named to people: when a person answers, and how one is reached.

    Attributes:
        charged: the channels on which carriers charge people for messages.
    """

    name: str = "your team"
    hours: str = "on weekdays during office hours"
    phone: str = 'write "person"'
    charged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the practice."""

    id: str
    role: Role
    name: str
    language: str
    time_zone: str
    country: str
    interventionist_id: str | None = None
    rhythm: Rhythm | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def first_name(self) -> str:
        return self.name.split()[0] if self.name.split() else self.name
