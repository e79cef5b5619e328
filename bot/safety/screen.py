"""Net 1: reads one message, with what the same person wrote just before, and reports the dangers in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.safety.context import FAR, Effect, Surroundings, holds, subject_of, surroundings
from bot.safety.findings import Finding, Kind, Level, Net, Subject, by_urgency
from bot.safety.patterns import HARD, SOFT, Pattern
from bot.safety.rules import About, Language, Rule
from bot.safety.text import MESSAGE_BORDER, Reader, Reading

MOST_EARLIER = 10  # messages
LONGEST_EARLIER = 2_000  # characters, the latest
_LONGEST_MATCHED = 200  # characters


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A finding, and whether its subject was named or only taken for granted."""

    finding: Finding
    named: bool
    start: int = 0
    end: int = 0


class Screen:
    """The rules, ready to read messages. Holds no state of any person and may be shared by threads."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        # Definite rules first: once a kind is definite, weaker rules of that kind need no reading.
        self._rules = tuple(sorted(rules, key=lambda rule: rule.level is not Level.DEFINITE))
        self._wanted: dict[str, list[int]] = {}  # a symbol, and the patterns that cannot do without it
        self._patterns: list[tuple[Rule, Pattern, bool]] = []  # the last one says whether it is weak
        language: Language | None = rules[0].language if rules else None
        for rule in self._rules:
            if rule.language is not language:
                message = "rules of one screen must be loaded together"
                raise ValueError(message)
        # Weak patterns come last: by then it is known whether anything else was seen.
        self._patterns.extend((each, pattern, False) for each in self._rules for pattern in each.patterns)
        self._patterns.extend((each, pattern, True) for each in self._rules for pattern in each.weak)
        for place, (_, pattern, _) in enumerate(self._patterns):
            for symbol in sorted(pattern.needs):
                self._wanted.setdefault(symbol, []).append(place)
        self._reader = (
            Reader(language.speller, language.lexicon.symbols, language.emoji) if language is not None else None
        )

    def read(
        self, text: str, *, role: str = "client", earlier: Sequence[str] = (), alone: bool = False
    ) -> tuple[Finding, ...]:
        """The dangers in `text`, most urgent first; at most one for each kind and subject.

        `role` is the writer's ("family" makes an unnamed person another one). `earlier` are the writer's last
        messages within ten minutes, oldest first. `alone` says that net 2 does not read this message now: then weak signs
        count by themselves, because nobody else would ask. Reads the whole text; never raises.
        """
        if self._reader is None:
            return ()
        own = _told(role, list(self._sightings(self._reader.read(text), role, 0, alone=alone)))
        before = MESSAGE_BORDER.join(earlier[-MOST_EARLIER:])[-LONGEST_EARLIER:]
        if not before.strip():
            return by_urgency(sighting.finding for sighting in own)
        whole = self._reader.read(f"{before}{MESSAGE_BORDER}{text}")
        joined = _told(role, list(self._sightings(whole, role, len(before) + 1, alone=alone)))
        # "my son" / "won't wake up": a person named in the message before replaces one taken for granted.
        named = {sighting.finding.rule for sighting in joined if sighting.named}
        kept = [each for each in own if each.named or each.finding.rule not in named]
        return by_urgency(sighting.finding for sighting in (*kept, *joined))

    def _sightings(self, reading: Reading, role: str, fresh: int, *, alone: bool) -> Iterator[_Sighting]:
        """What the rules see in one reading, counting only matches that reach beyond character `fresh`.

        A weak sighting waits until another rule has seen something, too, unless the rules are `alone`.
        """
        present = frozenset(reading.symbols)
        places = sorted({place for symbol in present for place in self._wanted.get(symbol, ())})
        judge = _Judge(reading, present, role)
        held: dict[tuple[Kind, Subject], Level] = {}
        waiting: _Sighting | None = None
        latest: Rule | None = None
        over = False
        for place in places:
            rule, pattern, weak = self._patterns[place]
            if rule is not latest:  # the patterns of one rule come one after the other
                latest, over = rule, bool(held) and _exhausted(rule, held)
            if over or not pattern.possible(present):
                continue
            for found in pattern.expression.finditer(reading.symbols):
                start, end = found.span()
                while reading.symbols[end - 1] in {HARD, SOFT}:
                    end -= 1
                if reading.ends[end - 1] <= fresh:
                    continue
                if reading.starts[start] < fresh and pattern.loose and rule.level is Level.POSSIBLE:
                    # A sentence goes on in the next message; two weak signs in two messages are two subjects.
                    continue
                sighting = judge.sighting(rule, start, end)
                if sighting is None:
                    continue
                if weak and not held and not alone:
                    if waiting is None or waiting.finding.rule == rule.id:
                        waiting, over = waiting or sighting, True
                        break
                    held[_subject(waiting)] = waiting.finding.level
                    yield waiting
                finding = sighting.finding
                key = _subject(sighting)
                if held.get(key) in {finding.level, Level.DEFINITE}:
                    continue
                held[key] = finding.level
                yield sighting
                over = _exhausted(rule, held)
                if over:
                    break


def _subject(sighting: _Sighting) -> tuple[Kind, Subject]:
    return sighting.finding.kind, sighting.finding.subject


def _told(role: str, sightings: list[_Sighting]) -> list[_Sighting]:
    """A relative's words about someone else are not also about themselves ("my sister says she does not want to live")."""
    if role != "family":
        return sightings
    others = [each for each in sightings if each.finding.subject is Subject.OTHER]

    def of_another(each: _Sighting) -> bool:
        return each.finding.subject is Subject.SELF and any(
            other.finding.kind is each.finding.kind and other.start < each.end and each.start < other.end
            for other in others
        )

    return [each for each in sightings if not of_another(each)]


class _Judge:
    """Weighs the matches of one reading in their context, and remembers what it need not look at twice."""

    def __init__(self, reading: Reading, present: frozenset[str], role: str) -> None:
        self._reading = reading
        self._present = present
        self._role = role
        self._live: dict[str, tuple[Pattern, ...]] = {}
        self._harmless: set[tuple[str, str, int]] = set()

    def sighting(self, rule: Rule, start: int, end: int) -> _Sighting | None:
        """The match at symbols `start` to `end` as a finding; None where its context makes it no danger."""
        symbols = self._reading.symbols
        people = rule.language.people
        # The same words over and over (a million characters of them) are weighed once.
        low = max(0, start - FAR)
        case = (rule.id, symbols[low : end + FAR], start - low)
        if case in self._harmless:
            return None
        around = surroundings(symbols, start, end, people)
        if any(
            found.start() < end and found.end() > start
            for exception in self._alive(rule.id, rule.exceptions)
            for found in exception.expression.finditer(symbols, *around.sentence)
        ) or any(
            pattern.expression.search(symbols, *around.sentence)
            for pattern in self._alive(f"{rule.id} elsewhere", rule.elsewhere)
        ):
            self._harmless.add(case)
            return None
        effects = self._effects(rule, start, end, around)
        if Effect.CANCEL in effects:
            self._harmless.add(case)
            return None
        level = Level.POSSIBLE if Effect.LOWER in effects else rule.level
        named = True
        subject: Subject | None
        if rule.about is About.EITHER:
            subject = subject_of(symbols, start, end, around, people)
            named = subject is not None
            if subject is None:
                subject = Subject.OTHER if self._role == "family" else Subject.SELF
        else:
            subject = Subject.OTHER if Effect.OTHER in effects else Subject(rule.about.value)
        matched = self._reading.typed(start, end)[:_LONGEST_MATCHED]
        finding = Finding(rule.kind, level, Net.SCREEN, rule.id, matched, subject)
        return _Sighting(finding, named, self._reading.starts[start], self._reading.ends[end - 1])

    def _effects(self, rule: Rule, start: int, end: int, around: Surroundings) -> frozenset[Effect]:
        """What the contexts that hold here do to the match."""
        found: set[Effect] = set()
        for name, effect in rule.unless.items():
            if effect is Effect.KEEP or effect in found:
                continue
            context = rule.language.contexts[name]
            shown = self._alive(name, context.patterns)
            if shown and holds(context, shown, self._reading.symbols, start, end, around):
                if effect is Effect.CANCEL:
                    return frozenset({effect})
                found.add(effect)
        return frozenset(found)

    def _alive(self, name: str, patterns: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
        """Those patterns of a context or rule that this text can match at all."""
        live = self._live.get(name)
        if live is None:
            live = tuple(
                pattern
                for pattern in patterns
                if not pattern.needs.isdisjoint(self._present) and pattern.possible(self._present)
            )
            self._live[name] = live
        return live


_SUBJECTS = {
    About.SELF: (Subject.SELF,),
    About.OTHER: (Subject.OTHER,),
    About.EITHER: (Subject.SELF, Subject.OTHER),
}


def _exhausted(rule: Rule, held: Mapping[tuple[Kind, Subject], Level]) -> bool:
    """Whether a rule can no longer add to what is held: its kind is there as surely as it could say."""
    return all(held.get((rule.kind, subject)) in {rule.level, Level.DEFINITE} for subject in _SUBJECTS[rule.about])
