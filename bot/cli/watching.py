"""``handrail audit``, ``handrail review`` and ``handrail client risk``: whether all is on time, and what happened."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bot.cli.base import BAD, fail, told
from bot.settings import Settings, read_settings


def audit() -> None:
    """Say what is late at this moment, and whether the audit trail is whole; exit code 2 where something is wrong."""

    async def work(settings: Settings) -> list[str]:
        from bot.escalation import auditor
        from bot.opening import opened_store
        from bot.store import audit as trail

        now = datetime.now(UTC)
        async with opened_store(settings) as store, store.read() as unit:
            faults = [each.told(now) for each in await auditor.late(unit, now)]
            broken = await trail.verify(unit)
        if broken is not None:
            faults.append(f"the audit trail does not hold from entry {broken} on: somebody has changed it")
        return faults

    with told():
        faults = asyncio.run(work(read_settings()))
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise typer.Exit(BAD)
    typer.echo("All is on time, and the audit trail is whole.")


def review(
    number: Annotated[int, typer.Argument(help="The alert's number.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON instead of text.")] = False,
    words: Annotated[
        bool, typer.Option("--words", help="With what was said and noted. Goes into the audit trail.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who reads it; it stands in the audit trail.")] = "staff",
) -> None:
    """What happened with an alert, moment by moment: said, found, sent, read, answered."""

    async def work(settings: Settings) -> Any:
        from bot.escalation import review as reviews
        from bot.opening import opened_store

        async with opened_store(settings) as store, store.write() as unit:
            return await reviews.of_alert(unit, number, words=words, by=by, now=datetime.now(UTC))

    with told():
        found = asyncio.run(work(read_settings()))
    if found is None:
        raise fail(f"There is no alert {number}.")
    typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2) if as_json else found.as_text())


def risk(key: Annotated[str, typer.Argument(help="The client's short name.")]) -> None:
    """A client's risk level as it is now, with the reasons."""

    async def work(settings: Settings) -> str | None:
        from bot.care import risk as risks
        from bot.opening import opened_store
        from bot.recovery.people import Role
        from bot.recovery.risk import assess
        from bot.store import audit as trail
        from bot.store import people

        now = datetime.now(UTC)
        async with opened_store(settings) as store, store.write() as unit:
            row = await people.by_key(unit, key)
            if row is None or row.role != Role.CLIENT:
                return None
            found = assess(await risks.picture(unit, row.id, now))
            await trail.write(unit, "staff", "risk read", row.id, now)
        return f"{found.level}: {found.words}" if found.reasons else f"{found.level}: nothing stands out"

    with told():
        line = asyncio.run(work(read_settings()))
    if line is None:
        raise fail(f"no client is called {key}")
    typer.echo(line)
