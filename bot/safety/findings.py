"""What a safety net reports: which danger, how sure, about whom, and on what evidence."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of danger, most urgent first; the order of definition is the order of urgency."""

    OVERDOSE = "overdose"
    MEDICAL = "medical"
    VIOLENCE = "violence"
    SUICIDE = "suicide"
    WITHDRAWAL = "withdrawal"
    IMPAIRED = "impaired"
    SELF_HARM = "self_harm"


class Level(StrEnum):
    """How sure: said plainly (definite), or sideways and unclear (possible)."""

    DEFINITE = "definite"
    POSSIBLE = "possible"


class Net(StrEnum):
    """What caught it: the rules of this folder, the engine's model, or a form's own question."""

    SCREEN = "screen"
    MODEL = "model"
    FORM = "form"


class Subject(StrEnum):
    """Who is in danger: the writer, or someone the writer tells about."""

    SELF = "self"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """One danger in one message; `matched` holds the words as the person typed them."""

    kind: Kind
    level: Level
    net: Net
    rule: str
    matched: str
    subject: Subject = Subject.SELF


_RANK = {kind: rank for rank, kind in enumerate(Kind)}


def by_urgency(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Keep the strongest finding of each kind and subject; definite first, then by kind's urgency."""
    strongest: dict[tuple[Kind, Subject], Finding] = {}
    for finding in findings:
        key = (finding.kind, finding.subject)
        held = strongest.get(key)
        if held is None or (held.level is Level.POSSIBLE and finding.level is Level.DEFINITE):
            strongest[key] = finding
    return tuple(sorted(strongest.values(), key=_urgency))


def _urgency(finding: Finding) -> tuple[bool, int, bool]:
    # Within one kind the writer comes first: they are the one who can be asked.
    return (finding.level is Level.POSSIBLE, _RANK[finding.kind], finding.subject is Subject.OTHER)


def told_by(role: str, findings: Iterable[Finding]) -> list[Finding]:
    """What the model found, with who is in danger: it does not say, so a relative writes about someone else."""
    subject = Subject.OTHER if role == "family" else Subject.SELF
    return [replace(finding, subject=subject) for finding in findings]
