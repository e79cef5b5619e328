"""What `make check` looks at beyond style and types: mission rows, fixed words, sources, leaks. Run as a module."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from bot.app import load_content, load_screen
from bot.content import Content, Piece
from tests.readability import grade as grade_of

HOME = Path(__file__).resolve().parent.parent
ROWS = tuple(f"M{number}" for number in range(1, 48))
WITHOUT_STORY = HOME / "tests" / "behaviour" / "rows_without_story.txt"
HELD_OUT = HOME / "tests" / "engine" / "data"
# Messages of so few words are the same whoever writes them.
SHORT = 7
HARDEST = 7.0
LONGEST = {"safety": 500, "family": 350, "skill": 350, "talk": 350}
ES_LONGEST = 560
FILLED = {
    "name": "Ruth",
    "practice": "Copper Creek Recovery",
    "hours": "Monday to Friday, 9 to 17",
    "phone": "503 555 0100",
    "time": "9 am",
    "day": "Monday, 30 November",
    "days": "on Mondays, Wednesdays and Fridays",
    "city": "Los Angeles",
    "when": "Monday at 9 am",
    "staff": "Ruth",
    "relative": "Ana",
    "number": "12",
    "minutes": "30",
    "about": "This is about suicide. It is definite.",
    "rates": " Message and data rates may apply.",
    "uses": "12",
    "fall": "3.5",
    "mostly": "1.5",
    "names": "Slow breathing (2.5), Urge surfing (2.1)",
}
SHOUTING = re.compile(r"!|\b(?:great|awesome|amazing) (?:job|work)\b", re.IGNORECASE)
LABELS = re.compile(
    r"\b(?:addict|addicts|junkie|clean and sober|substance abuse|abuser|committed suicide)\b", re.IGNORECASE
)
# Machine paths, and hosts from which packages come; the brackets keep this line from matching itself.
LEAKS = r"/wor[k]/|/roo[t]/|py[p]i[.]org|python[h]osted|registry[.]np[m]"


def stories() -> Iterator[str]:
    """The mission rows that some behaviour story names in ``@pytest.mark.mission``."""
    for path in sorted((HOME / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "mission":
                yield from (str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))


def check_rows() -> Iterator[str]:
    """Rows without a story may only become fewer."""
    proven = set(stories())
    allowed = set(WITHOUT_STORY.read_text(encoding="utf-8").split())
    missing = [row for row in ROWS if row not in proven]
    sys.stdout.write(f"rows without a story ({len(missing)}): {' '.join(missing)}\n")
    for row in missing:
        if row not in allowed:
            yield f"{row} had a story and has none now"
    for row in sorted(allowed & proven):
        yield f"{row} has a story: take it out of {WITHOUT_STORY.relative_to(HOME)}"
    for row in sorted(proven - set(ROWS)):
        yield f"{row} is named by a story but is no row of the mission"


def check_words(content: Content) -> Iterator[str]:
    """Reading age, length, tone, placeholders and sources of every fixed text."""
    sources = set(content.sources)
    for piece in content.pieces.values():
        yield from (
            f"{piece.id}: source {name} is not in content/sources.yml" for name in piece.sources if name not in sources
        )
        for text in piece.wordings():
            yield from _text_faults(content, piece, text)
        if piece.language == "en" and not piece.id.startswith("lines."):
            whole = " ".join(content.fill(t, "US", **FILLED) for t in piece.wordings())
            grade = grade_of(whole)
            if grade > HARDEST:
                yield f"{piece.id}: reads at grade {grade:.1f}, {HARDEST:g} at the most"


def _text_faults(content: Content, piece: Piece, text: str) -> Iterator[str]:
    where = f"{piece.id} ({piece.language})"
    filled = content.fill(text, "US", piece.language, **FILLED)
    longest = LONGEST.get(piece.kind, 350) if piece.language == "en" else ES_LONGEST
    if len(filled) > longest:
        yield f"{where}: {len(filled)} characters, {longest} at the most: {filled[:50]} …"
    if SHOUTING.search(filled):
        yield f"{where}: an exclamation mark or unearned praise: {filled[:60]} …"
    if LABELS.search(filled):
        yield f"{where}: a label for a person: {filled[:60]} …"


def check_responses() -> Iterator[str]:
    """The same for what the dialogue says."""
    for path in sorted((HOME / "domain" / "responses").glob("*.yml")):
        for name, variants in yaml.safe_load(path.read_text(encoding="utf-8"))["responses"].items():
            for variant in variants:
                text = variant["text"]
                if len(text) > LONGEST["talk"]:
                    yield f"{path.name}: {name}: {len(text)} characters, {LONGEST['talk']} at the most"
                if SHOUTING.search(text) or LABELS.search(text):
                    yield f"{path.name}: {name}: tone: {text[:60]} …"
            # A single sentence says too little for the measure: a response is taken with all its variants.
            whole = re.sub(r"\{\w+\}", "it", " ".join(variant["text"] for variant in variants))
            grade = grade_of(whole)
            if len(whole.split()) > 12 and grade > HARDEST:
                yield f"{path.name}: {name}: reads at grade {grade:.1f}, {HARDEST:g} at the most"


def check_sources(content: Content) -> Iterator[str]:
    """Every source that a text cites is explained in docs/clinical-sources.md."""
    told = (HOME / "docs" / "clinical-sources.md").read_text(encoding="utf-8")
    cited = {name for piece in content.pieces.values() for name in piece.sources}
    # Telephone lines are explained where they stand, in content/lines.yml.
    cited -= {name for name, source in content.sources.items() if source.get("kind") == "line"}
    yield from (f"docs/clinical-sources.md does not explain {name}" for name in sorted(cited) if name not in told)


def check_held_out() -> Iterator[str]:
    """The messages that measure understanding are there, and none of them is a training example."""
    taught = set(_messages(HOME.glob("nlu/*.yml")))
    held = [*_messages(HELD_OUT / name for name in ("common.yml", "client.yml", "family.yml"))]
    held += [row["text"].casefold() for row in yaml.safe_load((HELD_OUT / "danger.yml").read_text(encoding="utf-8"))]
    yield from (
        f"tests/engine/data: {text[:60]!r} stands in nlu/ too"
        for text in held
        if len(text.split()) > SHORT and text in taught
    )


def _messages(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            yield from (line.strip().removeprefix("- ").casefold() for line in block["examples"].splitlines())


def check_leaks() -> Iterator[str]:
    """No machine paths and no registry hosts in the tree."""
    found = subprocess.run(
        ["git", "grep", "-nIE", LEAKS, "--", "."], cwd=HOME, capture_output=True, text=True, check=False
    )
    yield from (f"a machine path or registry host: {line[:120]}" for line in found.stdout.splitlines())


def main() -> int:
    """Run every check; prints what is wrong and returns 1 where something is."""
    content = load_content(HOME)
    load_screen(HOME)
    faults = [
        *check_rows(),
        *check_words(content),
        *check_responses(),
        *check_sources(content),
        *check_held_out(),
        *check_leaks(),
    ]
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write(f"{len(content.pieces)} texts looked at, {len(faults)} faults\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
