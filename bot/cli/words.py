"""``handrail content …``: the fixed words, listed, shown as people read them, and signed."""

import asyncio
import string
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.base import fail, told
from bot.content import ANYWHERE, SAFETY, Content, Piece
from bot.settings import Settings, read_settings

content_app = typer.Typer(no_args_is_help=True, help="The fixed words: list, show and sign them for your practice.")

Kind = Annotated[str, typer.Option(help="Only pieces of this kind, such as safety or skill.")]
Language = Annotated[str, typer.Option(help="Only pieces in this language: en or es.")]
# Who has signed which words, and when, by the hash of the words.
Signed = Mapping[str, tuple[str, datetime]]


@content_app.command("list")
def content_list(kind: Kind = "", language: Language = "") -> None:
    """List every fixed text with its language, kind, sources, and whether the practice has signed it as it stands."""
    from bot.app import load_content

    with told():
        settings = read_settings()
        words = load_content(settings.home)
        signed = asyncio.run(_signed(settings))
        for piece in _chosen(words, None, kind, language):
            state = _state(piece, signed)
            typer.echo(f"{piece.language}  {piece.kind:<7} {piece.id:<40} {state:<34} {', '.join(piece.sources)}")


@content_app.command("show")
def content_show(
    piece: Annotated[list[str] | None, typer.Argument(help="Ids of pieces; none means all of them.")] = None,
    kind: Kind = "",
    language: Language = "",
) -> None:
    """Print fixed texts as people read them, with their sources and whether they are signed as they stand.

    The lines to call are those of HANDRAIL_COUNTRY. What is known only when a text is sent, such as {name}, stays as it is.
    """
    from bot.app import load_content

    with told():
        settings = read_settings()
        words = load_content(settings.home)
        chosen = _chosen(words, piece, kind, language)
        _show(words, chosen, settings, asyncio.run(_signed(settings)))


async def _signed(settings: Settings) -> Signed:
    """What is signed; nothing where there is no database yet."""
    from bot.opening import NotThere, looked_at
    from bot.store import signatures

    try:
        async with looked_at(settings) as store, store.read() as unit:
            return await signatures.current(unit)
    except NotThere:
        return {}


def _chosen(words: Content, ids: Sequence[str] | None, kind: str = "", language: str = "") -> list[Piece]:
    """The pieces that are asked for; says what there is where something of it is unknown."""
    pieces = list(words.pieces.values())
    unknown = [name for name in ids or () if name not in {p.id for p in pieces}]
    if unknown:
        raise fail(f"No text is called {', '.join(unknown)}: `handrail content list` shows them all.")
    for option, given, there in (
        ("--kind", kind, {p.kind for p in pieces}),
        ("--language", language, {p.language for p in pieces}),
    ):
        if given and given not in there:
            raise fail(f"{option} {given}: there is none; give one of {', '.join(sorted(there))}")
    found = [p for p in pieces if (not ids or p.id in ids) and kind in ("", p.kind) and language in ("", p.language)]
    if not found:
        raise fail("There is no such text in that kind and language: `handrail content list` shows them all.")
    return found


def _state(piece: Piece, signed: Signed) -> str:
    by = signed.get(piece.digest)
    return f"signed by {by[0]} on {by[1]:%Y-%m-%d}" if by else "draft"


def _show(words: Content, pieces: Sequence[Piece], settings: Settings, signed: Signed) -> None:
    """Print pieces in full."""
    there = settings.country in words.lines
    lines = (
        f"the lines of {settings.country}" if there else f"words that hold anywhere: {settings.country} has no lines"
    )
    typer.echo(f"{len(pieces)} texts, with {lines} (HANDRAIL_COUNTRY).")
    for piece in pieces:
        typer.echo(f"\n{piece.id} ({piece.language})")
        typer.echo(f"  {_state(piece, signed)}; sources: {', '.join(piece.sources)}")
        if piece.yes_means:
            typer.echo(f"  a yes, or 1, means: {piece.yes_means}")
        for lead, text in _parts(piece):
            typer.echo(f"  {lead}: {_filled(words, piece, text, settings)}")


def _parts(piece: Piece) -> Iterator[tuple[str, str]]:
    """All that a person may read of a piece: wordings of which one is said, and what follows step by step."""
    first = (*piece.texts, *((piece.intro,) if piece.intro else ()))
    for number, text in enumerate(first):
        yield ("or" if number else "says"), text
    for text in (*piece.steps, *piece.more):
        yield "then", text


def _filled(words: Content, piece: Piece, text: str, settings: Settings) -> str:
    """A text with the practice's own lines and words in it; what only its moment can tell stays in braces."""
    asked = {field for _, field, _, _ in string.Formatter().parse(text) if field}
    lines = words.lines.get(settings.country, words.lines[ANYWHERE])
    values = {name: f"{{{name}}}" for name in asked if name not in lines}
    own = {"practice": settings.named.name, "hours": settings.named.hours, "phone": settings.named.phone}
    return words.fill(text, settings.country, piece.language, **{**values, **own})


@content_app.command("sign")
def content_sign(
    by: Annotated[str, typer.Option(help="Who has read and approves these words.")],
    piece: Annotated[list[str] | None, typer.Argument(help="Ids of pieces; none means every safety text.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Sign texts as they stand. A text that is changed later counts as a draft again."""
    from bot.app import load_content
    from bot.opening import opened_store
    from bot.store import signatures

    async def work(settings: Settings, digests: dict[str, str]) -> int:
        async with opened_store(settings, create=True) as store, store.write() as unit:
            return await signatures.sign(unit, digests, by, datetime.now(UTC))

    with told():
        if not by.strip():
            raise fail("--by needs a name: of whoever has read these words and answers for them.")
        settings = read_settings()
        words = load_content(settings.home)
        chosen = _chosen(words, piece, "" if piece else SAFETY)
        if not yes:
            _show(words, chosen, settings, asyncio.run(_signed(settings)))
            typer.confirm(f"\nSign these {len(chosen)} texts as {by}?", abort=True)
        count = asyncio.run(work(settings, {p.digest: p.id for p in chosen}))
        typer.echo(f"{count} texts signed by {by}; {len(chosen) - count} were signed already.")
