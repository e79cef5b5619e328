"""What a craving episode came to."""

from enum import StrEnum

HIGH = 8
LOW = 3


class Outcome(StrEnum):
    FELL = "fell"
    LOW = "low"
    HELD = "held"
    HIGH = "high"


def outcome(before: int | None, after: int | None) -> Outcome:
    """How it ended: fell, low all along, held, or still at 8 or more without having fallen (a human is offered)."""
    if after is None:
        return Outcome.HIGH if before is not None and before >= HIGH else Outcome.HELD
    if before is not None and after < before:
        return Outcome.FELL
    if after >= HIGH:
        return Outcome.HIGH
    return Outcome.LOW if after <= LOW else Outcome.HELD
