"""Craving episodes: how strong, what set it off, what was done about it, how strong after."""

from dataclasses import dataclass

from sqlalchemy import select

from bot.care.turn import Turn
from bot.recovery.experience import Episode
from bot.store.database import Unit, new_id
from bot.store.tables import CravingEpisodeRow

# Stands for a skill that the client has named: its name is in their words, and sealed.
OWN = "own"
# So many of the latest episodes say what helps: enough for the figures, and what helped years ago may not help now.
MOST = 200


@dataclass(frozen=True, slots=True)
class RecordEpisode:
    """Keep an episode as far as it was told; ``completed`` says whether it was gone through to the end.

    ``key`` names an episode that is told in several turns: the row of that name is written once and then amended.
    """

    level_before: int | None
    level_after: int | None
    trigger: str | None
    skill: str | None
    steps_done: int
    change: str | None
    completed: bool
    key: str = ""

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row_id = self.key or new_id()
        row = await unit.session.get(CravingEpisodeRow, row_id) if self.key else None
        if row is None or row.client_id != turn.person.id:
            row = CravingEpisodeRow(id=row_id, client_id=turn.person.id, at=turn.now)
            unit.session.add(row)

        def sealed(column: str, text: str | None) -> bytes | None:
            return unit.seal(CravingEpisodeRow, column, row_id, text) if text else None

        row.level_before, row.level_after = self.level_before, self.level_after
        of_library = self.skill is None or self.skill in turn.content.skill_names()
        row.skill = self.skill if of_library else OWN
        row.own_skill_sealed = None if of_library else sealed("own_skill_sealed", self.skill)
        row.steps_done, row.completed = self.steps_done, self.completed
        row.trigger_sealed = sealed("trigger_sealed", self.trigger)
        row.change_sealed = sealed("change_sealed", self.change)


async def past_episodes(turn: Turn) -> tuple[Episode, ...]:
    """The client's latest cravings of which the level is known before and after, the newest first."""
    async with turn.store.read() as unit:
        query = (
            select(CravingEpisodeRow)
            .where(
                CravingEpisodeRow.client_id == turn.person.id,
                CravingEpisodeRow.level_before.is_not(None),
                CravingEpisodeRow.level_after.is_not(None),
            )
            .order_by(CravingEpisodeRow.at.desc())
            .limit(MOST)
        )
        return tuple(
            Episode(
                skill=unit.open(row, "own_skill_sealed") if row.skill == OWN else row.skill or "",
                before=row.level_before or 0,
                after=row.level_after or 0,
                at=row.at,
            )
            for row in await unit.session.scalars(query)
        )
