"""The people Handrail serves and the people behind it."""

from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo


class Role(StrEnum):
    CLIENT = "client"
    FAMILY = "family"
    STAFF = "staff"


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
    check_in_at: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def first_name(self) -> str:
        return self.name.split()[0] if self.name.split() else self.name
