"""A lapse: kept without blame, and the team told the same day."""

from dataclasses import dataclass

from bot.care.turn import Turn
from bot.delivery.messages import plain
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.store.database import Unit, new_id
from bot.store.tables import LapseRow


@dataclass(frozen=True, slots=True)
class TellOfLapse:
    """Keep the lapse and tell the interventionist at once, before any question: an answer may never come."""

    key: str

    async def apply(self, unit: Unit, turn: Turn) -> None:
        await RecordLapse(turn.text, None, self.key).apply(unit, turn)
        what = alerts.Raising(AlertKind.LAPSE, turn.person.id, story=f"{turn.now:%d %b %H:%M} UTC: {plain(turn.text)}")
        await alerts.raise_alert(unit, what, turn.now)


@dataclass(frozen=True, slots=True)
class RecordLapse:
    """Keep what the client told of a lapse; ``key`` names the row, which is written once and then amended."""

    what: str | None
    alone: bool | None
    key: str = ""

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row_id = self.key or new_id()
        row = await unit.session.get(LapseRow, row_id) if self.key else None
        if row is None or row.client_id != turn.person.id:
            row = LapseRow(id=row_id, client_id=turn.person.id, at=turn.now)
            unit.session.add(row)
        row.alone = self.alone
        if self.what:
            row.what_sealed = unit.seal(LapseRow, "what_sealed", row_id, self.what)
