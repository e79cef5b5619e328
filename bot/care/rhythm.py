"""A client changes when they are asked, in the chat: another time of day, or nothing until a day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot.care.turn import Turn
from bot.recovery.check_in import local_date, next_due, parse_time, spoken_time
from bot.recovery.rhythm import read_new_time, read_pause
from bot.store import audit
from bot.store.database import Unit
from bot.store.tables import PersonRow


@dataclass(frozen=True, slots=True)
class MoveCheckIn:
    """From now on at another time of the client's own day (``HH:MM``)."""

    at: str

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await unit.session.get_one(PersonRow, turn.person.id)
        row.check_in_at = self.at
        row.next_check_in = next_due(turn.now, turn.person.zone, parse_time(self.at))
        await audit.write(unit, row.id, "check-in moved", row.id, turn.now)


@dataclass(frozen=True, slots=True)
class PauseCheckIns:
    """No check-in before this day, by the client's own calendar."""

    until: date

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await unit.session.get_one(PersonRow, turn.person.id)
        begins = datetime.combine(self.until, parse_time("00:00"), tzinfo=turn.person.zone).astimezone(UTC)
        row.next_check_in = next_due(begins - timedelta(seconds=1), turn.person.zone, parse_time(str(row.check_in_at)))
        await audit.write(unit, row.id, "check-ins paused", row.id, turn.now)


def change(turn: Turn, text: str) -> str | None:
    """Stage what a message wants of the check-ins and return the answer; nothing where it tells no time and no day."""
    person = turn.person
    back = read_pause(text, local_date(turn.now, person.zone))
    if back is not None and person.check_in_at is not None:
        turn.stage(PauseCheckIns(back))
        at = spoken_time(parse_time(person.check_in_at), person.language)
        return turn.words("talk.check_in_paused", day=f"{back:%A}, {back.day} {back:%B}", time=at)
    new = read_new_time(text)
    if new is None:
        return None
    turn.stage(MoveCheckIn(new))
    return turn.words("talk.check_in_moved", time=spoken_time(parse_time(new), person.language))
