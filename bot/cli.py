"""``handrail …``: the commands. Each reads its settings, does one thing, and says in words what went wrong."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console as Terminal

from bot.settings import HOME, Settings, SettingsError, read_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Handrail: a relapse-prevention companion. Start with `handrail demo`.",
)
plan_app = typer.Typer(no_args_is_help=True, help="Relapse prevention plans: import and show.")
content_app = typer.Typer(no_args_is_help=True, help="The fixed words: list them, and sign them for your practice.")
keys_app = typer.Typer(no_args_is_help=True, help="Encryption keys: make one, or rotate to a new one.")
practice_app = typer.Typer(no_args_is_help=True, help="The people of a practice.")
app.add_typer(plan_app, name="plan")
app.add_typer(content_app, name="content")
app.add_typer(keys_app, name="keys")
app.add_typer(practice_app, name="practice")

BAD = 2


def main() -> None:
    """The entry point of the ``handrail`` command."""
    from bot.logs import configure

    configure()
    app()


def _fail(*sentences: str) -> typer.Exit:
    for sentence in sentences:
        typer.echo(sentence, err=True)
    return typer.Exit(BAD)


@contextmanager
def _told() -> Iterator[None]:
    """Turn every error that staff can act on into its sentences and exit code 2."""
    from bot.content import ContentError
    from bot.conversation.model import TrainingFailed
    from bot.conversation.process import EngineStartError
    from bot.practice import PracticeError
    from bot.recovery.plan import PlanError
    from bot.safety.rules import RulesError
    from bot.store.database import StoreError
    from bot.store.vault import VaultError

    try:
        yield
    except (SettingsError, PracticeError, PlanError) as error:
        raise _fail(*error.faults) from error
    except (ContentError, TrainingFailed, EngineStartError, RulesError, StoreError, VaultError) as error:
        raise _fail(str(error)) from error


def _model_ready(settings: Settings) -> None:
    from bot.conversation.model import is_intact, model_path, train

    if not is_intact(model_path(settings.home)):
        with Terminal(stderr=True).status("Training the dialogue model: about two minutes, once for these sources"):
            train(settings.home, lambda _: None)


@app.command()
def demo(
    script: Annotated[
        Path | None, typer.Option(help="Read what is typed from this file instead of the terminal.")
    ] = None,
    transcript: Annotated[Path | None, typer.Option(help="Write every message as one JSON object a line.")] = None,
) -> None:
    """Sit in a made-up practice and talk: as the client, her sister, or the interventionist.

    /as client|family|staff changes the seat, /later 9h moves the clock, /engine off switches the engine off,
    /help lists it all. Without a terminal the lines come from standard input; with nothing there a sample day plays.
    """
    from bot.terminal import play

    with _told():
        settings = read_settings()
        if script is not None and not script.exists():
            raise _fail(f"{script}: there is no such file")
        _model_ready(settings)
        asyncio.run(play(settings.home, script, transcript))


@app.command()
def screen() -> None:
    """Read {"id", "text", "role"} a line from standard input; write {"id", "findings"} a line: net 1 alone."""
    from bot.app import load_screen

    with _told():
        net = load_screen(HOME)
        for row in _json_lines(sys.stdin):
            if "error" in row:
                _write(row)
                continue
            findings = net.read(row["text"], role=row.get("role", "client"))
            _write({"id": row.get("id"), "findings": [_finding(f) for f in findings]})


@app.command()
def understand() -> None:
    """Read {"id", "text", "role"} a line; write both nets' findings, the intent, its confidence and the entities."""
    from bot.app import EngineHost, load_screen
    from bot.conversation.engine import readable, says_something
    from bot.safety.findings import by_urgency

    async def work() -> None:
        net = load_screen(HOME)
        async with EngineHost.running(HOME) as host:
            await host.process.wait_ready()
            for row in _json_lines(sys.stdin):
                if "error" in row:
                    _write(row)
                    continue
                role = row.get("role", "client")
                findings, heard = list(net.read(row["text"], role=role)), readable(row["text"])
                understood = None
                if says_something(heard):
                    understood = await host.client.read(f"understand-{row.get('id')}", heard, role)
                    findings += understood.findings
                _write(
                    {
                        "id": row.get("id"),
                        "findings": [
                            _finding(f)
                            for f in sorted(
                                findings,
                                key=lambda f: by_urgency(findings).index(f) if f in by_urgency(findings) else 99,
                            )
                        ],
                        "intent": understood.intent if understood else None,
                        "confidence": round(understood.confidence, 4) if understood else 0.0,
                        "entities": list(understood.entities) if understood else [],
                    }
                )

    with _told():
        _model_ready(read_settings())
        asyncio.run(work())


def _json_lines(source: TextIO) -> Iterator[dict[str, Any]]:
    """Objects with a text, one a line; a line that is none becomes an object with ``error``, and reading goes on."""
    for number, line in enumerate(source, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            yield {"id": None, "error": f"line {number}: is not JSON ({error})"}
            continue
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            found = row.get("id") if isinstance(row, dict) else None
            yield {"id": found, "error": f'line {number}: expected an object with "text", a string'}
            continue
        yield row


def _finding(finding: Any) -> dict[str, str]:
    return {
        "kind": str(finding.kind),
        "level": str(finding.level),
        "net": str(finding.net),
        "rule": finding.rule,
        "matched": finding.matched,
    }


def _write(row: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


@app.command()
def train() -> None:
    """Train the dialogue model, unless the one of the present sources is there already."""
    with _told():
        _model_ready(read_settings())
