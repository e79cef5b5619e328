"""A client changes when they are asked, in the chat: at other times, on other days, elsewhere, or not until a day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.care.turn import Turn
from bot.recovery.check_in import Rhythm, local_date, spoken_days, spoken_times
from bot.recovery.rhythm import read_change
from bot.store import audit, people
from bot.store.database import Unit
from bot.store.tables import PersonRow


@dataclass(frozen=True, slots=True)
class ChangeRhythm:
    """From now on at these times, on these days."""

    rhythm: Rhythm

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await unit.session.get_one(PersonRow, turn.person.id)
        row.rhythm = str(self.rhythm)
        row.next_check_in = self.rhythm.next_due(turn.now, ZoneInfo(row.time_zone))
        await audit.write(unit, row.id, "check-ins moved", row.id, turn.now)


@dataclass(frozen=True, slots=True)
class MoveZone:
    """From now on by the clock of another time zone."""

    zone: str

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await unit.session.get_one(PersonRow, turn.person.id)
        row.time_zone = self.zone
        row.next_check_in = (people.rhythm_of(row) or Rhythm()).next_due(turn.now, ZoneInfo(self.zone))
        await audit.write(unit, row.id, "time zone changed", row.id, turn.now)


@dataclass(frozen=True, slots=True)
class PauseCheckIns:
    """No check-in before this day, by the client's own calendar."""

    until: date

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await unit.session.get_one(PersonRow, turn.person.id)
        zone = ZoneInfo(row.time_zone)
        begins = datetime.combine(self.until, time(0), tzinfo=zone).astimezone(UTC)
        row.next_check_in = (people.rhythm_of(row) or Rhythm()).next_due(begins - timedelta(seconds=1), zone)
        await audit.write(unit, row.id, "check-ins paused", row.id, turn.now)


def change(turn: Turn, text: str) -> str | None:
    """Stage what a message wants of the check-ins and return the answer; nothing where it tells no time, day or place."""
    person = turn.person
    rhythm = person.rhythm or Rhythm()
    wanted = read_change(text, rhythm, local_date(turn.now, person.zone))
    if not wanted:
        return None
    said = []
    if wanted.zone is not None:
        turn.stage(MoveZone(wanted.zone))
        city = wanted.zone.rsplit("/", 1)[-1].replace("_", " ")
        said.append(turn.words("talk.check_in_zone", city=city))
    if wanted.back is not None and person.rhythm is not None:
        turn.stage(PauseCheckIns(wanted.back))
        back = wanted.back
        times = spoken_times(rhythm.times, person.language)
        said.append(turn.words("talk.check_in_paused", day=f"{back:%A}, {back.day} {back:%B}", time=times))
    else:
        new = wanted.rhythm or rhythm
        if wanted.rhythm is not None:
            turn.stage(ChangeRhythm(new))
        times, days = spoken_times(new.times, person.language), spoken_days(new.days)
        said.append(turn.words("talk.check_in_moved", time=times, days=days))
    return " ".join(said)
