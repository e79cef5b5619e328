"""The rules of the screen as values, and the loader that reads them from a folder of YAML files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from bot.safety.context import Context, Effect, People, Place
from bot.safety.findings import Kind, Level
from bot.safety.patterns import Lexicon, Pattern
from bot.safety.spelling import Speller

if yaml.__with_libyaml__:  # about ten times as fast
    from yaml import CSafeLoader as _SafeLoader
else:
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

WORDS_FILE = "words.yml"
_FEWEST_EXAMPLES = 2
_HALVES_APART = 12  # words between two signs that count together
_RULE_KEYS = {
    *("id", "level", "subject", "reason", "patterns", "together", "weak", "except", "elsewhere", "unless", "yes", "no")
}
_FILE_KEYS = {"kind", "unless", "rules"}


class RulesError(ValueError):
    """A rule file that cannot be used; names the file, the rule and what is wrong."""


class About(StrEnum):
    """Whom a rule is about: the writer, another person, or whomever the sentence names."""

    SELF = "self"
    OTHER = "other"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Language:
    """Everything the rules share: words and symbols, spelling, emoji, contexts, persons."""

    lexicon: Lexicon
    speller: Speller
    emoji: Mapping[str, tuple[str, ...]]
    contexts: Mapping[str, Context]
    people: People


@dataclass(frozen=True, slots=True)
class Example:
    """A message that shows what a rule catches or leaves alone."""

    text: str
    role: str = "client"
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason for alarm: its patterns, and what in the context takes the alarm back.

    `exceptions` must share a word with a match to cancel it, `elsewhere` may stand anywhere in its sentence. A match of
    a `weak` pattern counts only beside what another rule sees in the same message.
    """

    id: str
    kind: Kind
    level: Level
    about: About
    reason: str
    patterns: tuple[Pattern, ...]
    weak: tuple[Pattern, ...]
    exceptions: tuple[Pattern, ...]
    elsewhere: tuple[Pattern, ...]
    unless: Mapping[str, Effect]
    yes: tuple[Example, ...]
    no: tuple[Example, ...]
    language: Language = field(repr=False, compare=False)


def load_rules(folder: Path) -> tuple[Rule, ...]:
    """Read `words.yml` and one file for each kind. Raises RulesError naming file, rule and fault."""
    language = _language(folder / WORDS_FILE)
    rules: list[Rule] = []
    for path in sorted(folder.glob("*.yml")):
        if path.name != WORDS_FILE:
            rules.extend(_rules(path, language))
    if not rules:
        message = f"{folder}: no rules"
        raise RulesError(message)
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            message = f"{folder}: {rule.id}: more than one rule has this id"
            raise RulesError(message)
        seen.add(rule.id)
    return tuple(rules)


def _rules(path: Path, language: Language) -> list[Rule]:
    data = _mapping(path)
    _only(data, _FILE_KEYS, f"{path.name}")
    where = path.name
    try:
        kind = Kind(data["kind"])
        usual = _effects(data.get("unless") or {}, language)
        found: list[Rule] = []
        for entry in data["rules"]:
            where = f"{path.name}: {entry.get('id', 'a rule without id')}"
            _only(entry, _RULE_KEYS, where)
            found.append(_rule(entry, kind, usual, language, where))
    except RulesError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        message = f"{where}: {type(fault).__name__}: {fault}"
        raise RulesError(message) from fault
    return found


def _rule(entry: Mapping[str, Any], kind: Kind, usual: Mapping[str, Effect], language: Language, where: str) -> Rule:
    name = str(entry["id"])
    if not name.startswith(f"{kind}."):
        message = f"{where}: the id must start with {kind}."
        raise RulesError(message)
    yes = tuple(_example(each) for each in entry["yes"])
    no = tuple(_example(each) for each in entry["no"])
    if len(yes) < _FEWEST_EXAMPLES or len(no) < _FEWEST_EXAMPLES:
        message = f"{where}: needs at least {_FEWEST_EXAMPLES} examples each under yes and no"
        raise RulesError(message)
    if not (entry.get("patterns") or entry.get("together") or entry.get("weak")):
        message = f"{where}: has neither patterns nor together"
        raise RulesError(message)
    level = Level(entry["level"])
    if entry.get("weak") and level is Level.DEFINITE:
        message = f"{where}: what is weak cannot be definite"
        raise RulesError(message)
    about = About(entry["subject"])
    # "My kids are asleep, I am going to ...": between them and what is done, no "I" may come.
    barred = frozenset({"i"}) if about is About.OTHER else frozenset[str]()
    return Rule(
        id=name,
        kind=kind,
        level=level,
        about=about,
        reason=str(entry["reason"]),
        patterns=tuple(language.lexicon.compile(each, barred=barred) for each in _sources(entry)),
        weak=tuple(language.lexicon.compile(each, barred=barred) for each in _weak(entry)),
        exceptions=tuple(language.lexicon.compile(str(each)) for each in entry.get("except") or ()),
        elsewhere=tuple(language.lexicon.compile(str(each)) for each in entry.get("elsewhere") or ()),
        unless={**usual, **_effects(entry.get("unless") or {}, language)},
        yes=yes,
        no=no,
        language=language,
    )


def _sources(entry: Mapping[str, Any]) -> Iterator[str]:
    """The patterns of a rule as written, and each pair of signs that count together in either order."""
    yield from map(str, entry.get("patterns") or ())
    for halves in entry.get("together") or ():
        yield from _either_way(halves)


def _weak(entry: Mapping[str, Any]) -> Iterator[str]:
    """The weak patterns of a rule, of which a list of two is a pair of signs."""
    for each in entry.get("weak") or ():
        if isinstance(each, list):
            yield from _either_way(each)
        else:
            yield str(each)


def _either_way(halves: Sequence[object]) -> Iterator[str]:
    first, second = map(str, halves)
    yield f"({first}) ~{_HALVES_APART} ({second})"
    yield f"({second}) ~{_HALVES_APART} ({first})"


def _example(entry: object) -> Example:
    if isinstance(entry, str):
        return Example(entry)
    if not isinstance(entry, dict):
        message = f"an example is text or a mapping, not {entry!r}"
        raise TypeError(message)
    _only(entry, {"text", "role", "earlier"}, f"example {entry!r}")
    return Example(str(entry["text"]), str(entry.get("role", "client")), tuple(map(str, entry.get("earlier", ()))))


def _effects(entry: Mapping[str, str], language: Language) -> dict[str, Effect]:
    unknown = sorted(set(entry) - set(language.contexts))
    if unknown:
        message = f"no context called {', '.join(unknown)}"
        raise ValueError(message)
    return {name: Effect(effect) for name, effect in entry.items()}


def _language(path: Path) -> Language:
    data = _mapping(path)
    try:
        spellings = _spellings(data["spellings"])
        classes = {str(name): _listed(members) for name, members in data["classes"].items()}

        def split(word: str) -> tuple[str, ...]:
            return spellings.get(word) or spellings.get(word.replace("'", "")) or (word.replace("'", ""),)

        lexicon = Lexicon(
            classes=classes,
            split=split,
            stoppers=frozenset(_listed(data["stoppers"])),
            common=frozenset(_listed(data["common"])),
        )
        contexts = {
            name: Context(
                name=name,
                place=Place(entry["place"]),
                patterns=tuple(lexicon.compile(each) for each in entry["patterns"]),
                absent=tuple(lexicon.compile(each) for each in entry.get("absent") or ()),
                narrow=entry.get("narrow") == "true",
            )
            for name, entry in data["contexts"].items()
        }
        people = People(
            **{
                group: frozenset(lexicon.symbol(word) for word in _listed(data["people"][group]))
                for group in ("first", "third", "own", "openers")
            }
        )
        emoji = {sign: tuple(str(words).split()) for words, signs in data["emoji"].items() for sign in _listed(signs)}
        for standard in (*spellings.values(), *emoji.values()):
            for word in standard:
                lexicon.symbol(word)
        speller = Speller(lexicon.symbols, spellings, _listed(data["core"]), _listed(data["glued"]))
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        message = f"{path.name}: {type(fault).__name__}: {fault}"
        raise RulesError(message) from fault
    return Language(lexicon, speller, emoji, contexts, people)


class _PlainLoader(_SafeLoader):
    """Reads every plain value as text: YAML would otherwise take yes, no, on and off for truth values."""


_PlainLoader.yaml_implicit_resolvers = {}


def _spellings(entries: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Each written form and the words it stands for; raises ValueError where one form stands for two things."""
    found: dict[str, tuple[str, ...]] = {}
    for standard, typed in entries.items():
        for form in _listed(typed):
            if form in found:
                message = f"spelling {form!r} stands twice"
                raise ValueError(message)
            found[form] = tuple(str(standard).split())
    return found


def _mapping(path: Path) -> dict[str, Any]:
    try:
        # A safe loader, only with fewer conversions.
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # noqa: S506
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as fault:
        message = f"{path.name}: {fault}"
        raise RulesError(message) from fault
    if not isinstance(data, dict):
        message = f"{path.name}: not a mapping"
        raise RulesError(message)
    return data


def _only(entry: Mapping[str, Any], allowed: set[str], where: str) -> None:
    unknown = sorted(set(entry) - allowed)
    if unknown:
        message = f"{where}: unknown key {', '.join(map(str, unknown))}"
        raise RulesError(message)


def _listed(members: object) -> tuple[str, ...]:
    """A list, or one string with commas between the members."""
    if isinstance(members, str):
        return tuple(part.strip() for part in members.replace("\n", " ").split(",") if part.strip())
    if isinstance(members, list):
        return tuple(str(member) for member in members)
    message = f"{members!r} is no list of words"
    raise TypeError(message)
