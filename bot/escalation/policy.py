"""Who is told of what, and after how long. A policy is frozen into the alert when it is raised."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any


class AlertKind(StrEnum):
    DANGER = "danger"
    HUMAN = "human"
    LAPSE = "lapse"
    CONCERN = "concern"
    OPT_OUT = "opt_out"
    MEDIA = "media"
    DELIVERY = "delivery"
    TECHNICAL = "technical"


class AlertStatus(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Who(StrEnum):
    """Whom a step pages; whoever is on call stands in where a client has no interventionist."""

    INTERVENTIONIST = "interventionist"
    ON_CALL = "on_call"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: minutes after the alert was raised, and whom it pages."""

    minutes: int
    who: Who


@dataclass(frozen=True, slots=True)
class Policy:
    """Steps in order; after the last one everyone is paged again every ``repeat`` minutes until a human acknowledges."""

    steps: tuple[Step, ...]
    repeat: int

    def freeze(self) -> list[Any]:
        return [*(asdict(step) for step in self.steps), {"repeat": self.repeat}]

    @classmethod
    def thaw(cls, frozen: list[Any]) -> "Policy":
        return cls(tuple(Step(row["minutes"], Who(row["who"])) for row in frozen[:-1]), frozen[-1]["repeat"])

    def moment(self, step: int) -> timedelta:
        """When a step is due, counted from the raising of the alert; steps beyond the last are the repeats."""
        if step < len(self.steps):
            return timedelta(minutes=self.steps[step].minutes)
        return timedelta(minutes=self.steps[-1].minutes + self.repeat * (step - len(self.steps) + 1))

    def who(self, step: int) -> Who:
        return self.steps[step].who if step < len(self.steps) else Who.EVERYONE


PAGE = Policy((Step(0, Who.INTERVENTIONIST), Step(5, Who.ON_CALL), Step(15, Who.EVERYONE)), repeat=15)
WATCH = Policy((Step(0, Who.INTERVENTIONIST), Step(60, Who.ON_CALL)), repeat=120)
SOON = Policy((Step(0, Who.INTERVENTIONIST), Step(15, Who.ON_CALL), Step(45, Who.EVERYONE)), repeat=60)
SAME_DAY = Policy((Step(0, Who.INTERVENTIONIST), Step(120, Who.ON_CALL)), repeat=240)

_POLICIES = {
    AlertKind.HUMAN: SOON,
    AlertKind.LAPSE: SAME_DAY,
    AlertKind.CONCERN: SAME_DAY,
    AlertKind.OPT_OUT: SAME_DAY,
    AlertKind.MEDIA: SAME_DAY,
    AlertKind.DELIVERY: SOON,
    AlertKind.TECHNICAL: SOON,
}


def policy_for(kind: AlertKind, *, page: bool = True) -> Policy:
    """The policy of an alert's kind; of dangers, ``page`` says whether staff are called at once or watch first."""
    if kind is AlertKind.DANGER:
        return PAGE if page else WATCH
    return _POLICIES[kind]
