"""The relapse prevention plan: what a client and their interventionist wrote down for the hard hours."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trigger(Part):
    """Something that sets a craving off, the words by which it is heard, and the skills that answer it."""

    name: Name
    words: tuple[Name, ...] = ()
    skills: tuple[Name, ...] = ()


class OwnSkill(Part):
    """A coping skill of the client's own, in their own words."""

    name: Name
    minutes: int = Field(default=5, ge=1, le=240)
    steps: tuple[Line, ...] = Field(min_length=1, max_length=12)


class Supporter(Part):
    """Someone the client may call."""

    name: Name
    relation: Name
    phone: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()./-]{5,24}$")] | None = (
        None
    )
    note: Line | None = None


class Plan(Part):
    """A whole plan. Reading one raises ``PlanError`` with every fault at once."""

    language: Annotated[str, StringConstraints(pattern=r"^(en|es)$")] = "en"
    substances: tuple[Name, ...] = Field(min_length=1)
    sober_since: date | None = None
    reasons: tuple[Line, ...] = Field(min_length=1, max_length=12)
    triggers: tuple[Trigger, ...] = Field(min_length=1, max_length=20)
    warning_signs: tuple[Line, ...] = ()
    skills: tuple[OwnSkill, ...] = ()
    people: tuple[Supporter, ...] = Field(min_length=1, max_length=12)
    after_lapse: tuple[Line, ...] = Field(min_length=1, max_length=12)
    surroundings: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> "Plan":
        for what, names in (
            ("triggers", [t.name for t in self.triggers]),
            ("skills", [s.name for s in self.skills]),
        ):
            folded = [name.casefold() for name in names]
            doubled = sorted({name for name in names if folded.count(name.casefold()) > 1})
            if doubled:
                raise ValueError(f"{what}: {', '.join(doubled)} stands more than once")
        return self


class PlanError(Exception):
    """A plan that cannot be used. ``faults`` holds one line a fault: its path and what is expected there."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def read_plan(data: Any, library: frozenset[str]) -> Plan:
    """Make a plan of parsed YAML.

    Args:
        data: what the file holds.
        library: names of the skills in the library; a trigger may name these or the client's own.

    Raises:
        PlanError: with every fault at once.
    """
    if not isinstance(data, dict):
        raise PlanError(["the file: expected keys such as reasons, triggers and people, found " + _what(data)])
    faults: list[str] = []
    plan: Plan | None = None
    try:
        plan = Plan.model_validate(data)
    except ValidationError as error:
        errors = error.errors()
        # A list whose only members are wrong also counts as too short: the members' faults say it better.
        deeper = {item["loc"][0] for item in errors if len(item["loc"]) > 1}
        faults = [_fault(item) for item in errors if item["type"] != "too_short" or item["loc"][0] not in deeper]
    faults += _unknown_skills(data, library)
    if plan is None or faults:
        raise PlanError(faults)
    return plan


def _unknown_skills(data: dict[Any, Any], library: frozenset[str]) -> list[str]:
    """Skills that a trigger names and nobody wrote down; looked for in raw data, to be told beside other faults."""
    own = {str(s.get("name", "")).strip().casefold() for s in _dicts(data.get("skills"))}
    faults = []
    for i, trigger in enumerate(_dicts(data.get("triggers"))):
        skills = trigger.get("skills")
        for j, name in enumerate(skills if isinstance(skills, list) else []):
            if isinstance(name, str) and name not in library and name.strip().casefold() not in own:
                known = ", ".join(sorted(library))
                faults.append(
                    f"triggers[{i}].skills[{j}]: no skill is called {name!r}; expected the name of one under "
                    f"`skills:` or one of the library: {known}"
                )
    return faults


def _dicts(value: Any) -> list[dict[Any, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _what(value: Any) -> str:
    names = {type(None): "nothing", list: "a list", str: "a text", int: "a number", float: "a number", bool: "yes/no"}
    return names.get(type(value), type(value).__name__)


def _fault(item: Any) -> str:
    path = ""
    for part in item["loc"]:
        path += f"[{part}]" if isinstance(part, int) else (f".{part}" if path else str(part))
    kind, context, given = item["type"], item.get("ctx", {}), item.get("input")
    expected = {
        "missing": "missing: this has to be there",
        "extra_forbidden": f"not a known key; known here are: {_known(item['loc'])}",
        "string_type": f"expected a text, found {_what(given)}",
        "tuple_type": f"expected a list, found {_what(given)}",
        "model_type": f"expected keys and values, found {_what(given)}",
        "model_attributes_type": f"expected keys and values, found {_what(given)}",
        "string_too_short": "expected a text, found an empty one",
        "string_too_long": f"expected at most {context.get('max_length')} characters, found {len(str(given))}",
        "too_short": f"expected at least {context.get('min_length')}, found {context.get('actual_length')}",
        "too_long": f"expected at most {context.get('max_length')}, found {context.get('actual_length')}",
        "int_parsing": f"expected a whole number, found {given!r}",
        "int_type": f"expected a whole number, found {_what(given)}",
        "greater_than_equal": f"expected {context.get('ge')} or more, found {given!r}",
        "less_than_equal": f"expected {context.get('le')} or less, found {given!r}",
        "date_from_datetime_parsing": f"expected a date such as 2026-08-14, found {given!r}",
        "date_parsing": f"expected a date such as 2026-08-14, found {given!r}",
        "date_type": f"expected a date such as 2026-08-14, found {given!r}",
        "string_pattern_mismatch": f"found {given!r}, expected "
        + ("a phone number such as +1 415 555 0132" if path.endswith("phone") else "en or es"),
        "value_error": str(item["msg"]).removeprefix("Value error, "),
    }.get(kind, str(item["msg"]))
    return f"{path}: {expected}" if path else expected


def _known(location: tuple[int | str, ...]) -> str:
    parts: dict[str, type[Part]] = {"triggers": Trigger, "skills": OwnSkill, "people": Supporter}
    model = parts.get(str(location[0]), Plan) if len(location) > 1 else Plan
    return ", ".join(model.model_fields)
