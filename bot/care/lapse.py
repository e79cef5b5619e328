"""A lapse: kept without blame, and the team told the same day."""

from dataclasses import dataclass

from bot.care.turn import Turn
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.store.database import Unit, new_id
from bot.store.tables import LapseRow


@dataclass(frozen=True, slots=True)
class TellOfLapse:
    """Tell the interventionist at once, before any question: an answer may never come."""

    async def apply(self, unit: Unit, turn: Turn) -> None:
        what = alerts.Raising(AlertKind.LAPSE, turn.person.id, story=f"{turn.now:%d %b %H:%M} UTC: {turn.text}")
        await alerts.raise_alert(unit, what, turn.now)


@dataclass(frozen=True, slots=True)
class RecordLapse:
    """Keep what the client told of a lapse."""

    what: str | None
    alone: bool | None

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row_id = new_id()
        unit.session.add(
            LapseRow(
                id=row_id,
                client_id=turn.person.id,
                what_sealed=unit.seal(LapseRow, "what_sealed", row_id, self.what) if self.what else None,
                alone=self.alone,
                at=turn.now,
            )
        )
