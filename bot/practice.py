"""Loading a practice file: its people, who looks after whom, and their plans."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from bot.recovery.check_in import Rhythm
from bot.recovery.people import Role
from bot.recovery.plan import PlanError, read_plan
from bot.recovery.times import Zone, clock
from bot.store import people, plans
from bot.store.database import Unit

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class PracticeError(Exception):
    """A practice file that cannot be used. ``faults`` holds one line a fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _rhythm(written: object) -> Rhythm:
    return Rhythm.parse(clock(written))


class Member(BaseModel):
    """One person of a practice file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Key
    role: Role
    name: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    seat: Role | None = None
    time_zone: Zone | None = None
    check_in_at: Annotated[Rhythm, BeforeValidator(_rhythm)] | None = None
    plan: str | None = None
    interventionist: Key | None = None
    relation: str | None = None
    title: str | None = None


class Office(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    time_zone: Zone


class PracticeFile(BaseModel):
    """A practice file: the practice itself and its people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    practice: Office
    people: tuple[Member, ...] = Field(min_length=1)

    @field_validator("people")
    @classmethod
    def _keys_are_told_apart(cls, members: tuple[Member, ...]) -> tuple[Member, ...]:
        keys = [member.key for member in members]
        doubled = sorted({key for key in keys if keys.count(key) > 1})
        if doubled:
            raise ValueError(f"{', '.join(doubled)}: two people have the same key")
        return members

    def seats(self) -> dict[str, str]:
        """Which person sits on the seats client, family and staff."""
        return {str(member.seat): member.key for member in self.people if member.seat}


def _yaml(path: Path) -> Any:
    # The same safe loader, in C: a plan takes a tenth of the time.
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def read_practice(path: Path) -> PracticeFile:
    """Read a practice file.

    Raises:
        PracticeError: with every fault at once.
    """
    try:
        return PracticeFile.model_validate(_yaml(path))
    except OSError as error:
        raise PracticeError([f"{path}: cannot be read ({error.strerror})"]) from error
    except yaml.YAMLError as error:
        raise PracticeError([f"{path}: is not YAML: {error}"]) from error
    except ValidationError as error:
        raise PracticeError(
            [f"{path}: {'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        ) from error


async def enrol(
    unit: Unit,
    practice: PracticeFile,
    folder: Path,
    library: frozenset[str],
    address: Callable[[Member], tuple[str, str]],
    now: datetime,
) -> None:
    """Add every person who is not known yet, with an address on a channel, and their plans.

    Args:
        address: the channel on which someone is reached, and their address there.

    Raises:
        PracticeError: a plan is wrong or an interventionist is not among the people; nothing is kept then.
    """
    ids: dict[str, str] = {}
    faults: list[str] = []
    ordered = sorted(practice.people, key=lambda member: member.role is not Role.STAFF)
    for member in ordered:
        known = await people.by_key(unit, member.key)
        if known is not None:
            ids[member.key] = known.id
            continue
        if member.interventionist and member.interventionist not in ids:
            faults.append(f"{member.key}: nobody on staff has the key {member.interventionist}")
            continue
        zone = member.time_zone or practice.practice.time_zone
        row = await people.add(
            unit,
            key=member.key,
            role=member.role,
            name=member.name,
            time_zone=zone,
            country=practice.practice.country,
            now=now,
            interventionist_id=ids.get(member.interventionist or ""),
            rhythm=member.check_in_at,
            on_call=member.role is Role.STAFF,
        )
        if member.check_in_at:
            row.next_check_in = member.check_in_at.next_due(now, ZoneInfo(zone))
        ids[member.key] = row.id
        await people.add_contact(unit, row.id, *address(member))
        if member.plan:
            faults += await _plan(unit, row.id, folder / member.plan, library, now)
    if faults:
        raise PracticeError(faults)


async def _plan(unit: Unit, client_id: str, path: Path, library: frozenset[str], now: datetime) -> list[str]:
    try:
        data = _yaml(path)
        await plans.add_version(unit, client_id, read_plan(data, library), "practice file", now)
    except PlanError as error:
        return [f"{path}: {fault}" for fault in error.faults]
    except (OSError, yaml.YAMLError) as error:
        return [f"{path}: cannot be read: {error}"]
    return []
