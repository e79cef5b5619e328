"""Every fixed word that is not a Rasa response: loading, filling in, choosing, and who signed it.

The words stand in ``content/`` as YAML, each piece with an id, its sources and its kind. Safety pieces must be signed
by the practice before the service runs.
"""

import hashlib
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.recovery.situation import Beside, Need, Part, Place, Topic
from bot.recovery.skill import ANYTHING, Evidence, Fit, Skill
from bot.safety.findings import Finding, Kind, Level, Subject
from bot.safety.protocol import Urgency

SAFETY, SKILL = "safety", "skill"
FALLBACK_LANGUAGE = "en"
# Where this stands in a text, "service.rates" is said on channels on which people are charged for messages.
RATES = "{rates}"
# Stands for a country that we do not know, or have no lines of.
ANYWHERE = ""
# Of a skill: it can be done in every place.
ALL_PLACES = "anywhere"


class ContentError(Exception):
    """A content file is wrong; the message names the file, the piece and what is expected."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One fixed text: ``texts`` are wordings to choose from, ``steps`` and ``more`` follow one by one."""

    id: str
    kind: str
    language: str
    texts: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    name: str = ""
    intro: str = ""
    yes_means: str = ""
    # The steps in the words for text messages, one for each step; where they are the same, the same.
    short: tuple[str, ...] = ()
    fit: Fit = ANYTHING
    evidence: Evidence | None = None
    minutes: int = 0
    sources: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Hash of every word of the piece: a signature holds for exactly these."""
        words = "\x1f".join((*self.texts, "\x1e", *self.steps, "\x1e", *self.more, "\x1e", self.intro, self.yes_means))
        if self.short != self.steps:
            words = "\x1f".join((words, "\x1e", *self.short))
        return hashlib.sha256(words.encode()).hexdigest()

    def wordings(self) -> tuple[str, ...]:
        """All that a person may read of this piece."""
        short = (text for text in self.short if text not in self.steps)
        return (*self.texts, *((self.intro,) if self.intro else ()), *self.steps, *short, *self.more)


@dataclass(frozen=True, slots=True)
class Content:
    """All pieces, the lines to call by country, and the urgency table."""

    pieces: Mapping[tuple[str, str], Piece]
    lines: Mapping[str, Mapping[str, Mapping[str, Any]]]
    urgency: Mapping[tuple[Kind, Level], Urgency]
    sources: Mapping[str, Any] = field(default_factory=dict)

    def piece(self, piece_id: str, language: str = FALLBACK_LANGUAGE) -> Piece:
        """The piece in a language, or in English where it is not translated.

        Raises:
            ContentError: there is no such piece.
        """
        found = self.pieces.get((language, piece_id)) or self.pieces.get((FALLBACK_LANGUAGE, piece_id))
        if found is None:
            raise ContentError(f"no piece is called {piece_id}")
        return found

    def version(self, piece_ids: Iterable[str], language: str) -> str:
        """A hash that stands for exactly the words of these pieces, and for what is said of charges within them."""
        pieces = [self.piece(piece_id, language) for piece_id in piece_ids]
        if any(RATES in text for piece in pieces for text in piece.texts):
            pieces.append(self.piece("service.rates", language))
        digests = "\x1f".join(piece.digest for piece in pieces)
        return hashlib.sha256(digests.encode()).hexdigest()

    def safety(self, kind: Kind, moment: str, subject: Subject, language: str) -> Piece:
        """The words of the safety protocol for a moment: those of the kind, else those for any kind.

        Raises:
            ContentError: neither stands in the content.
        """
        for name in (f"{kind}.{moment}.{subject}", f"{kind}.{moment}", f"any.{moment}.{subject}", f"any.{moment}"):
            for tongue in dict.fromkeys((language, FALLBACK_LANGUAGE)):
                found = self.pieces.get((tongue, f"safety.{name}"))
                if found:
                    return found
        raise ContentError(f"no safety words for {kind}, {moment}, {subject}")

    def fill(self, text: str, country: str, language: str = FALLBACK_LANGUAGE, **values: str) -> str:
        """Put a country's lines and further values into a text.

        A country that is unknown, or without lines of its own, gets words that are true everywhere.
        """
        own = self.lines.get(country, self.lines[ANYWHERE])
        said = {name: str(line.get(f"say_{language}", line["say"])) for name, line in own.items()}
        return string.Formatter().vformat(text, (), _Defaults({**said, **values}))

    def say(self, piece_id: str, country: str, language: str, at: int = 0, **values: str) -> str:
        """A piece in a language, filled in; ``at`` counts through its wordings."""
        texts = self.piece(piece_id, language).texts
        return self.fill(texts[at % len(texts)], country, language, **values)

    def skills(self, language: str, *, short: bool = False) -> tuple[Skill, ...]:
        """The library of coping skills, in the order of the files; ``short`` in the words for text messages."""
        found = [p for p in self.pieces.values() if p.kind == SKILL and p.language == language]
        found = found or [p for p in self.pieces.values() if p.kind == SKILL and p.language == FALLBACK_LANGUAGE]
        return tuple(
            Skill(p.id.removeprefix("skill."), p.name, p.intro, p.short if short else p.steps, p.fit, p.minutes)
            for p in found
        )

    def skill_names(self) -> frozenset[str]:
        """The names by which a plan may call the library's skills."""
        return frozenset(p.id.removeprefix("skill.") for p in self.pieces.values() if p.kind == "skill")

    def urgency_of(self, finding: Finding) -> Urgency:
        """The urgency row of a finding's kind and level."""
        return self.urgency[(finding.kind, finding.level)]

    def must_be_signed(self) -> tuple[Piece, ...]:
        """The pieces without whose signature the service does not run."""
        return tuple(piece for piece in self.pieces.values() if piece.kind == SAFETY)


class _Defaults(dict[str, str]):
    def __missing__(self, key: str) -> str:
        raise ContentError(f"a text asks for {{{key}}}, which nothing fills")


def load(folder: Path) -> Content:
    """Read all content.

    Raises:
        ContentError: a file is missing, is no YAML, or a piece is incomplete.
    """
    pieces: dict[tuple[str, str], Piece] = {}
    for language in sorted(p for p in folder.iterdir() if p.is_dir() and len(p.name) == 2):
        for path in sorted(language.glob("*.yml")):
            for piece in _pieces(path, language.name):
                if (piece.language, piece.id) in pieces:
                    raise ContentError(f"{path}: {piece.id} stands twice")
                pieces[(piece.language, piece.id)] = piece
    read = _read(folder / "lines.yml")
    lines = {**read["countries"], ANYWHERE: read["unknown"]}
    for country, own in read["countries"].items():
        pieces[(FALLBACK_LANGUAGE, f"lines.{country}")] = _lines_piece(country, own)
    rows = [
        Urgency(Kind(r["kind"]), Level(r["level"]), bool(r["page"]), timedelta(minutes=r["minutes"]))
        for r in _read(folder / "safety" / "urgency.yml")
    ]
    urgency = {(row.kind, row.level): row for row in rows}
    missing = [f"{k} {v}" for k in Kind for v in Level if (k, v) not in urgency]
    if missing:
        raise ContentError(f"{folder / 'safety' / 'urgency.yml'}: no row for {', '.join(missing)}")
    return Content(pieces, lines, urgency, _read(folder / "sources.yml")["sources"])


def _read(path: Path) -> Any:
    try:
        # libyaml's safe loader: a tenth of the time, and start-up waits for it.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise ContentError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ContentError(f"{path}: is not YAML: {error}") from error


def _pieces(path: Path, language: str) -> Iterable[Piece]:
    data = _read(path)
    for row in data["pieces"]:
        if "id" not in row:
            raise ContentError(f"{path}: a piece without id: {str(row)[:60]}")
        texts = ([row["text"]] if "text" in row else []) + list(row.get("variants", []))
        if not texts and not row.get("steps"):
            raise ContentError(f"{path}: {row['id']} has neither text nor variants nor steps")
        if not row.get("sources"):
            raise ContentError(f"{path}: {row['id']} names no source")
        yield Piece(
            id=row["id"],
            kind=data["kind"],
            language=language,
            texts=tuple(_clean(t) for t in texts),
            steps=tuple(_clean(_worded(t, "text")) for t in row.get("steps", [])),
            short=tuple(_clean(_worded(t, "sms")) for t in row.get("steps", [])),
            more=tuple(_clean(t) for t in row.get("more", [])),
            name=row.get("name", ""),
            intro=_clean(row.get("intro", "")),
            yes_means=row.get("yes_means", ""),
            fit=_fit(path, row) if data["kind"] == SKILL else ANYTHING,
            evidence=Evidence(row["evidence"]) if data["kind"] == SKILL else None,
            minutes=int(row.get("minutes", 0)),
            sources=tuple(row["sources"]),
        )


def _worded(step: str | Mapping[str, str], form: str) -> str:
    """A step in one of its forms: it is one text for all, or has shorter words for text messages."""
    return step if isinstance(step, str) else step[form]


_FIT = ("for", "where", "beside", "quiet", "needs", "evidence", "name", "intro", "minutes")


def _fit(path: Path, row: Mapping[str, Any]) -> Fit:
    """What a skill is for, where and when; the keys are explained in content/en/skills.yml."""
    missing = [key for key in _FIT if key not in row]
    if missing:
        raise ContentError(f"{path}: {row['id']} lacks {', '.join(missing)}")
    try:
        return Fit(
            topics=frozenset(map(Topic, row["for"])),
            places=frozenset(Place) if row["where"] == [ALL_PLACES] else frozenset(map(Place, row["where"])),
            beside=frozenset(map(Beside, row["beside"])),
            quiet=bool(row["quiet"]),
            needs=frozenset(map(Need, row["needs"])),
            suits=frozenset(map(Part, row.get("suits", []))),
            not_at=frozenset(map(Part, row.get("not_at", []))),
            only=frozenset(map(Topic, row.get("only", []))),
            not_for=frozenset(map(Topic, row.get("not_for", []))),
        )
    except ValueError as error:
        raise ContentError(f"{path}: {row['id']}: {error}") from error


def _lines_piece(country: str, own: Mapping[str, Mapping[str, Any]]) -> Piece:
    """A country's numbers as a piece of their own, so that the practice signs them too."""
    return Piece(
        id=f"lines.{country}",
        kind=SAFETY,
        language=FALLBACK_LANGUAGE,
        texts=tuple(f"{name}: {line['say']} ({line['name']})" for name, line in own.items()),
        sources=tuple(dict.fromkeys(str(line["source"]) for line in own.values())),
    )


def _clean(text: str) -> str:
    return " ".join(str(text).split())
