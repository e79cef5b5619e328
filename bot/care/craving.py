"""Craving episodes: how strong, what set it off, what was done about it, how strong after."""

from dataclasses import dataclass

from bot.care.turn import Turn
from bot.store.database import Unit, new_id
from bot.store.tables import CravingEpisodeRow


@dataclass(frozen=True, slots=True)
class RecordEpisode:
    """Keep an episode as far as it was told; ``completed`` says whether it was gone through to the end."""

    level_before: int | None
    level_after: int | None
    trigger: str | None
    skill: str | None
    steps_done: int
    change: str | None
    completed: bool

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row_id = new_id()

        def sealed(column: str, text: str | None) -> bytes | None:
            return unit.seal(CravingEpisodeRow, column, row_id, text) if text else None

        unit.session.add(
            CravingEpisodeRow(
                id=row_id,
                client_id=turn.person.id,
                level_before=self.level_before,
                level_after=self.level_after,
                skill=self.skill,
                steps_done=self.steps_done,
                trigger_sealed=sealed("trigger_sealed", self.trigger),
                change_sealed=sealed("change_sealed", self.change),
                completed=self.completed,
                at=turn.now,
            )
        )
