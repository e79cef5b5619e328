"""Who is told of what, how, and after how long. A policy is frozen into the alert when it is raised.

The policies of this file stand where a practice has none of its own (`handrail policy`).
"""

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bot.recovery.times import LocalTime


class AlertKind(StrEnum):
    DANGER = "danger"
    HUMAN = "human"
    LAPSE = "lapse"
    CONCERN = "concern"
    OPT_OUT = "opt_out"
    MEDIA = "media"
    DELIVERY = "delivery"
    TECHNICAL = "technical"
    SILENCE = "silence"
    TREND = "trend"


class AlertStatus(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Who(StrEnum):
    """Whom a step pages; whoever is on call stands in where a client has no interventionist."""

    INTERVENTIONIST = "interventionist"
    ON_CALL = "on_call"
    SUPERVISOR = "supervisor"
    EVERYONE = "everyone"


class How(StrEnum):
    """By which way a step pages; ``MESSAGE`` is wherever someone on staff writes to us."""

    MESSAGE = "message"
    TELEGRAM = "telegram"
    SMS = "sms"
    EMAIL = "email"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: minutes after the alert was raised, whom it pages, and how."""

    minutes: int
    who: Who
    how: tuple[How, ...] = (How.MESSAGE,)


@dataclass(frozen=True, slots=True)
class CheckBacks:
    """When someone in danger is asked again how they are: after minutes, on the next mornings at a time, and after hours."""

    first: int = 30
    morning: str = "09:00"
    last: int = 72


USUAL = CheckBacks()


@dataclass(frozen=True, slots=True)
class Policy:
    """Steps in order; after the last one everyone is paged again every ``repeat`` minutes until a human acknowledges.

    Attributes:
        lapses: minutes after which an acknowledgement without a word of what was done counts no more; ``None``: it stays.
        check_backs: of a danger.
    """

    steps: tuple[Step, ...]
    repeat: int
    lapses: int | None = None
    check_backs: CheckBacks = USUAL

    def freeze(self) -> list[Any]:
        rest = {"repeat": self.repeat, "lapses": self.lapses, "check_backs": asdict(self.check_backs)}
        return [*(asdict(step) for step in self.steps), rest]

    @classmethod
    def thaw(cls, frozen: list[Any]) -> "Policy":
        # Alerts that were raised before steps could choose have no way in them.
        steps = (
            Step(row["minutes"], Who(row["who"]), tuple(How(way) for way in row.get("how", (How.MESSAGE,))))
            for row in frozen[:-1]
        )
        rest = frozen[-1]
        # In those that are older still, every acknowledgement lapses after the time that was the only one then.
        return cls(tuple(steps), rest["repeat"], rest.get("lapses", LAPSES), CheckBacks(**rest.get("check_backs", {})))

    def moment(self, step: int) -> timedelta:
        """When a step is due, counted from the raising of the alert; steps beyond the last are the repeats."""
        if step < len(self.steps):
            return timedelta(minutes=self.steps[step].minutes)
        return timedelta(minutes=self.steps[-1].minutes + self.repeat * (step - len(self.steps) + 1))

    def who(self, step: int) -> Who:
        return self.steps[step].who if step < len(self.steps) else Who.EVERYONE

    def how(self, step: int) -> tuple[How, ...]:
        """The ways of a step; the repeats use those of the last one."""
        return self.steps[min(step, len(self.steps) - 1)].how


# Whoever has taken a danger, or somebody who asks for a person, writes down within so many minutes that they were in touch.
LAPSES = 30
# Someone may die: nobody on staff is to sleep through it.
RING = (How.MESSAGE, How.CALL)
PAGE = Policy(
    (Step(0, Who.INTERVENTIONIST, RING), Step(5, Who.ON_CALL, RING), Step(15, Who.EVERYONE, RING)), 15, LAPSES
)
WATCH = Policy((Step(0, Who.INTERVENTIONIST), Step(60, Who.ON_CALL)), 120, LAPSES)
SOON = Policy((Step(0, Who.INTERVENTIONIST), Step(15, Who.ON_CALL), Step(45, Who.EVERYONE)), repeat=60)
SAME_DAY = Policy((Step(0, Who.INTERVENTIONIST), Step(120, Who.ON_CALL)), repeat=240)

# These cannot wait for the morning: someone may be in danger, or nobody may hear of it.
NEVER_WAIT = frozenset({AlertKind.DANGER, AlertKind.OPT_OUT, AlertKind.DELIVERY, AlertKind.TECHNICAL})

# The one policy beside those named like their kind: of a danger that is watched while its question waits.
WATCHED = "watch"

DEFAULT: dict[str, Policy] = {
    AlertKind.DANGER: PAGE,
    WATCHED: WATCH,
    AlertKind.HUMAN: replace(SOON, lapses=LAPSES),
    AlertKind.LAPSE: SAME_DAY,
    AlertKind.CONCERN: SAME_DAY,
    AlertKind.OPT_OUT: SAME_DAY,
    AlertKind.MEDIA: SAME_DAY,
    AlertKind.DELIVERY: SOON,
    AlertKind.TECHNICAL: SOON,
    AlertKind.SILENCE: SAME_DAY,
    AlertKind.TREND: SAME_DAY,
}


def name_of(kind: AlertKind, *, page: bool = True) -> str:
    """The policy of an alert's kind; of dangers, ``page`` says whether staff are called at once or watch first."""
    return WATCHED if kind is AlertKind.DANGER and not page else kind


# Minutes between pages of a danger that nobody has taken, at most.
URGENT_REPEAT = 60


class PolicyError(Exception):
    """A policy file that cannot be used. ``faults`` holds one line a fault, with its place."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class WrittenStep(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[int, Field(ge=0, le=24 * 60)]
    who: Literal["interventionist", "on_call", "supervisor", "everyone"]
    how: tuple[Literal["message", "telegram", "sms", "email", "call"], ...] = Field(default=("message",), min_length=1)

    @field_validator("how", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def step(self) -> Step:
        return Step(self.after, Who(self.who), tuple(How(way) for way in dict.fromkeys(self.how)))


class WrittenCheckBacks(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    first: Annotated[int, Field(ge=5, le=12 * 60)] = USUAL.first
    morning: LocalTime = USUAL.morning
    last: Annotated[int, Field(ge=24, le=14 * 24)] = USUAL.last


class WrittenPolicy(BaseModel):
    """A policy as it stands in a file: minutes and names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: tuple[WrittenStep, ...] = Field(min_length=1, max_length=20)
    repeat: Annotated[int, Field(ge=1, le=24 * 60)]
    lapses: Annotated[int, Field(ge=5, le=24 * 60)] | None = None
    check_backs: WrittenCheckBacks = WrittenCheckBacks()

    @model_validator(mode="after")
    def _begins_at_once_and_goes_on(self) -> "WrittenPolicy":
        after = [step.after for step in self.steps]
        if after[0] != 0:
            raise ValueError("the first step comes after 0 minutes: an alert is never kept back")
        if any(b <= a for a, b in pairwise(after)):
            raise ValueError("each step comes later than the one before it")
        return self

    def policy(self, usual: Policy) -> Policy:
        """The policy; what was left out is as in the usual one of its name."""
        backs = CheckBacks(**self.check_backs.model_dump())
        return Policy(tuple(step.step() for step in self.steps), self.repeat, self.lapses or usual.lapses, backs)


def read_policies(data: Any) -> dict[str, WrittenPolicy]:
    """Check policies as they were written; those that are not named keep to the default.

    Raises:
        PolicyError: with every fault at once.
    """
    if not isinstance(data, dict) or not data:
        raise PolicyError(["policies: give at least one by its name, with steps and repeat"])
    faults: list[str] = []
    read: dict[str, WrittenPolicy] = {}
    for name, body in data.items():
        if name not in DEFAULT:
            faults.append(f"{name}: there is no such policy; the names are {', '.join(DEFAULT)}")
            continue
        try:
            read[name] = WrittenPolicy.model_validate(body)
        except ValidationError as error:
            faults += [f"{name}{_place(item['loc'])}: {_said(item['msg'])}" for item in error.errors()]
    urgent = read.get(AlertKind.DANGER)
    if urgent and urgent.repeat > URGENT_REPEAT:
        faults.append(f"danger repeat: at most {URGENT_REPEAT} minutes between pages of a danger that nobody has taken")
    if urgent and any(b.after - a.after > URGENT_REPEAT for a, b in pairwise(urgent.steps)):
        faults.append(f"danger steps: at most {URGENT_REPEAT} minutes between one step and the next")
    if urgent and urgent.lapses and urgent.lapses > URGENT_REPEAT:
        faults.append(f"danger lapses: at most {URGENT_REPEAT} minutes without a word from whoever has taken a danger")
    if faults:
        raise PolicyError(faults)
    return read


def _place(parts: tuple[int | str, ...]) -> str:
    return "".join(f" {part + 1}" if isinstance(part, int) else f" {part}" for part in parts).replace(
        " steps ", " step "
    )


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
