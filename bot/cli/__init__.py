"""``handrail …``: the commands. Each reads its settings, does one thing, and says in words what went wrong."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
import uvloop
import yaml
from rich.console import Console as Terminal

from bot.cli import check_ins, keys, people, rota, watching, words
from bot.cli.base import BAD, fail, told
from bot.settings import HOME, Settings, read_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Handrail: a relapse-prevention companion. Start with `handrail demo`.",
)
plan_app = typer.Typer(no_args_is_help=True, help="Relapse prevention plans: import and show.")
practice_app = typer.Typer(no_args_is_help=True, help="The people of a practice.")
app.add_typer(plan_app, name="plan")
app.add_typer(words.content_app, name="content")
app.add_typer(keys.keys_app, name="keys")
app.add_typer(practice_app, name="practice")
app.add_typer(people.client_app, name="client")
app.add_typer(people.family_app, name="family")
app.add_typer(people.staff_app, name="staff")
app.add_typer(rota.rota_app, name="rota")
app.add_typer(rota.policy_app, name="policy")
app.command("invite")(people.invite)
app.command("audit")(watching.audit)
app.command("review")(watching.review)
people.client_app.command("risk")(watching.risk)
people.client_app.command("check-ins")(check_ins.check_ins)


def main() -> None:
    """The entry point of the ``handrail`` command."""
    from bot.logs import configure

    # Whatever a command writes, a database or a transcript, is for its owner alone.
    os.umask(0o077)
    configure()
    app()


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

    with told():
        settings = read_settings()
        if script is not None and not script.exists():
            raise fail(f"{script}: there is no such file")
        if transcript is not None and not transcript.resolve().parent.is_dir():
            raise fail(f"{transcript}: the folder {transcript.resolve().parent} does not exist")
        _model_ready(settings)
        uvloop.run(play(settings.home, script, transcript))


@app.command()
def screen() -> None:
    """Read {"id", "text", "role"} a line from standard input; write {"id", "findings"} a line: net 1 alone."""
    from bot.app import load_screen

    with told():
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
                        "findings": [_finding(f) for f in sorted(findings, key=_urgency)],
                        "intent": understood.intent if understood else None,
                        "confidence": round(understood.confidence, 4) if understood else 0.0,
                        "entities": list(understood.entities) if understood else [],
                    }
                )

    with told():
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


def _urgency(finding: Any) -> tuple[bool, int]:
    """Sorts findings: definite before possible, then the more urgent kind; both nets' findings stay."""
    from bot.safety.findings import Kind, Level

    return finding.level is not Level.DEFINITE, list(Kind).index(finding.kind)


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
    with told():
        _model_ready(read_settings())


@app.command()
def run() -> None:
    """Run the service: hear, answer, send, watch the clock. Refuses safety texts that the practice has not signed."""
    from bot.service import serve

    with told():
        settings = read_settings()
        if settings.engine:
            _model_ready(settings)
        uvloop.run(serve(settings))


@app.command()
def doctor() -> None:
    """Say in words what is missing or wrong before the service can run; exit code 2 where something is."""
    from bot.doctor import examine

    with told():
        findings = asyncio.run(examine())
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.good else 'MEND'}  {finding.what}: {finding.sentence}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(BAD)


@practice_app.command("load")
def practice_load(
    file: Annotated[Path, typer.Argument(help="A practice file; demo/practice.yml shows one.")],
) -> None:
    """Add the people of a practice file who are not known yet, with their plans. Nothing is kept where a plan is wrong."""
    from bot.app import load_content
    from bot.channels.console import NAME
    from bot.opening import opened_store
    from bot.practice import enrol, read_practice

    async def work(settings: Settings) -> int:
        practice = read_practice(file)
        async with opened_store(settings, create=True) as store, store.write() as unit:
            library = load_content(settings.home).skill_names()
            await enrol(unit, practice, file.parent, library, lambda member: (NAME, member.key), datetime.now(UTC))
        return len(practice.people)

    with told():
        count = asyncio.run(work(read_settings()))
        typer.echo(f"{count} people of {file} are known.")


@plan_app.command("import")
def plan_import(
    file: Annotated[Path, typer.Argument(help="The plan, as YAML; demo/plans/maya.yml shows one.")],
    client: Annotated[
        str, typer.Option(help="The client's short name. May be left out where the practice has one client.")
    ] = "",
    approved_by: Annotated[str, typer.Option(help="Who approves this version.")] = "staff",
) -> None:
    """Store a plan as the client's next version. A wrong file gets every error at once, exit code 2, and stores nothing."""
    from bot.app import load_content
    from bot.opening import opened_store
    from bot.recovery.plan import Plan, read_plan
    from bot.store import people, plans

    def read(settings: Settings) -> Plan:
        try:
            data = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise fail(f"{file}: cannot be read: {error}") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise fail(f"{file}: is not YAML: {error}") from error
        return read_plan(data, load_content(settings.home).skill_names())

    async def work(settings: Settings, plan: Plan) -> tuple[str, int]:
        async with opened_store(settings) as store, store.write() as unit:
            row = await _client(unit, client)
            return people.key_of(unit, row), await plans.add_version(unit, row.id, plan, approved_by, datetime.now(UTC))

    with told():
        settings = read_settings()
        plan = read(settings)
        key, version = asyncio.run(work(settings, plan))
        typer.echo(f"{key}: this is version {version} of the plan.")


@plan_app.command("show")
def plan_show(
    client: Annotated[
        str, typer.Argument(help="The client's short name; may be left out where there is one client.")
    ] = "",
) -> None:
    """Print a client's current plan as YAML, as it can be edited and imported again."""
    from bot.opening import opened_store
    from bot.store import people, plans

    async def work(settings: Settings) -> tuple[str, int, dict[str, Any]] | None:
        async with opened_store(settings) as store, store.read() as unit:
            row = await _client(unit, client)
            newest = await plans.newest(unit, row.id)
            plan = await plans.current_plan(unit, row.id)
            if newest is None or plan is None:
                return None
            return people.key_of(unit, row), newest.version, plan.model_dump(mode="json", exclude_none=True)

    with told():
        found = asyncio.run(work(read_settings()))
    if found is None:
        raise fail("This client has no plan yet: `handrail plan import FILE.yml --client NAME` stores one.")
    key, version, plan = found
    typer.echo(f"# {key}, version {version}")
    typer.echo(yaml.safe_dump(plan, sort_keys=False, allow_unicode=True, width=100).rstrip())


async def _client(unit: Any, key: str) -> Any:
    """The client with this short name, or the only one there is."""
    from sqlalchemy import select

    from bot.store import people
    from bot.store.tables import PersonRow

    rows = list(await unit.session.scalars(select(PersonRow).where(PersonRow.role == "client")))
    by_key = {people.key_of(unit, row): row for row in rows}
    known = ", ".join(sorted(by_key)) or "nobody yet (`handrail practice load FILE.yml` adds people)"
    chosen = [row for name, row in by_key.items() if name == key] if key else rows
    if len(chosen) != 1:
        raise fail(f"Say which client with --client NAME. Known clients: {known}.")
    return chosen[0]
