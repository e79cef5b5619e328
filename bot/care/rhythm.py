"""A client changes when they are asked, in the chat: at other times, on other days, elsewhere, or not until a day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.care.check_in import OPEN, slots_of
from bot.care.turn import Turn
from bot.recovery.check_in import CheckInStatus, Rhythm, local_date, spoken_days, spoken_times
from bot.recovery.rhythm import read_change
from bot.store import audit, people
from bot.store.database import Unit
from bot.store.tables import CheckInRow, PersonRow


def arrange(row: PersonRow, now: datetime, rhythm: Rhythm, zone: str, back: date | None = None) -> None:
    """Have a client asked by a rhythm and the clock of a zone, and not before a day; a pause that lasts goes on.

    Args:
        back: the day, by the clock of that zone; left out, a pause that was arranged before counts.
    """
    before, usual = ZoneInfo(row.time_zone), people.rhythm_of(row) or Rhythm()
    if back is None and row.next_check_in is not None and row.next_check_in > usual.next_due(now, before):
        back = local_date(row.next_check_in, before)
    there = ZoneInfo(zone)
    begins = datetime.combine(back, time(0), tzinfo=there).astimezone(UTC) - timedelta(seconds=1) if back else now
    row.rhythm, row.time_zone = str(rhythm), zone
    row.next_check_in = rhythm.next_due(max(begins, now), there)


@dataclass(frozen=True, slots=True)
class ChangeRhythm:
    """From now on at these times, on these days."""

    rhythm: Rhythm

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await unit.session.get_one(PersonRow, turn.person.id)
        arrange(row, turn.now, self.rhythm, row.time_zone)
        await audit.write(unit, row.id, "check-ins moved", row.id, turn.now)


@dataclass(frozen=True, slots=True)
class MoveZone:
    """From now on by the clock of another time zone."""

    zone: str

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await unit.session.get_one(PersonRow, turn.person.id)
        arrange(row, turn.now, people.rhythm_of(row) or Rhythm(), self.zone)
        await audit.write(unit, row.id, "time zone changed", row.id, turn.now)


@dataclass(frozen=True, slots=True)
class PauseCheckIns:
    """No check-in before this day, by the client's own calendar; the one that is open is over."""

    until: date

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await unit.session.get_one(PersonRow, turn.person.id)
        arrange(row, turn.now, people.rhythm_of(row) or Rhythm(), row.time_zone, self.until)
        query = select(CheckInRow).where(
            CheckInRow.client_id == row.id, CheckInRow.status.in_(OPEN), CheckInRow.due_at.is_not(None)
        )
        for asked in await unit.session.scalars(query):
            asked.due_at = None
            asked.status = CheckInStatus.PARTIAL if slots_of(asked) else CheckInStatus.SKIPPED
            asked.reason = "they want a pause"
        await audit.write(unit, row.id, "check-ins paused", row.id, turn.now)


@dataclass(frozen=True, slots=True)
class Changed:
    """What is answered to a wish, and whether it was one for a pause: then no check-in goes on."""

    words: str
    pauses: bool


def change(turn: Turn, text: str) -> Changed | None:
    """Stage what a message wants of the check-ins; nothing where it tells no time, day or place."""
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
    pauses = wanted.back is not None and person.rhythm is not None
    if wanted.back is not None and pauses:
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
    return Changed(" ".join(said), pauses)
