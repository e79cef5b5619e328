"""``handrail rota …`` and ``handrail policy …``: who is on call, and who is asked after how long."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
import yaml

from bot.cli.base import told
from bot.settings import Settings, read_settings

rota_app = typer.Typer(no_args_is_help=True, help="Who is on call, and when: check, import, show, override.")
policy_app = typer.Typer(no_args_is_help=True, help="Who is asked after how long: import and show.")

File = Annotated[Path, typer.Argument(help="A YAML file.", exists=True, dir_okay=False)]
By = Annotated[str, typer.Option(help="Who says so; it stands in the audit trail.")]


@rota_app.command()
def check(file: File) -> None:
    """Say what is wrong with a rota, and where in the next two weeks nobody is on call, or several people are."""
    from bot.escalation.rota import read_rota

    async def work(settings: Settings) -> None:
        from bot.opening import opened_store

        async with opened_store(settings) as store, store.read() as unit:
            ids = await _staff(unit)
        _tell(read_rota(_yaml(file), ids), ids)

    with told():
        asyncio.run(work(read_settings()))


@rota_app.command("import")
def import_rota(file: File, by: By = "staff") -> None:
    """Put a rota in force. What `handrail rota check` would tell is told here too; a gap stops nothing."""
    from bot.escalation import arranged
    from bot.escalation.rota import read_rota

    async def work(settings: Settings) -> None:
        from bot.opening import opened_store

        async with opened_store(settings) as store, store.write() as unit:
            ids = await _staff(unit)
            rota = read_rota(_yaml(file), ids)
            version = await arranged.keep_rota(unit, rota, by, datetime.now(UTC))
        typer.echo(f"The rota is in force as version {version}.")
        _tell(rota, ids)

    with told():
        asyncio.run(work(read_settings()))


@rota_app.command()
def show() -> None:
    """Who is on call now and in the next two weeks."""
    from bot.escalation import arranged

    async def work(settings: Settings) -> None:
        from bot.opening import opened_store

        async with opened_store(settings) as store, store.read() as unit:
            rota, ids = await arranged.rota(unit), await _staff(unit)
        if rota is None:
            typer.echo("There is no rota: everyone on staff who is marked as on call always is.")
        else:
            _tell(rota, ids, spans=True)

    with told():
        asyncio.run(work(read_settings()))


@rota_app.command()
def override(
    who: Annotated[str, typer.Argument(help="The short name of who is on call then, instead of the shifts.")],
    starts: Annotated[str, typer.Option("--from", help="Local time of the rota, such as 2026-12-24T20:00.")],
    ends: Annotated[str, typer.Option("--until", help="Local time of the rota, such as 2026-12-25T08:00.")],
    by: By = "staff",
) -> None:
    """Someone stands in for a while: only they are on call then."""
    from bot.escalation import arranged
    from bot.escalation.rota import RotaError, read_rota, rename

    async def work(settings: Settings) -> None:
        from bot.opening import opened_store

        async with opened_store(settings) as store, store.write() as unit:
            rota, ids = await arranged.rota(unit), await _staff(unit)
            if rota is None:
                raise RotaError(["there is no rota to override: `handrail rota import` one first"])
            keys = {staff_id: key for key, staff_id in ids.items()}
            written = rename(rota, keys).model_dump(mode="json", by_alias=True)
            written["overrides"] = [*written["overrides"], {"who": who, "from": starts, "until": ends}]
            new = read_rota(written, ids)
            version = await arranged.keep_rota(unit, new, by, datetime.now(UTC))
        typer.echo(f"The rota is in force as version {version}.")
        _tell(new, ids)

    with told():
        asyncio.run(work(read_settings()))


@policy_app.command("import")
def import_policies(file: File, by: By = "staff") -> None:
    """Put policies in force, for alerts that are raised from now on; those that are not named keep to what stands."""
    from bot.escalation import arranged
    from bot.escalation.policy import read_policies

    async def work(settings: Settings) -> None:
        from bot.opening import opened_store

        policies = read_policies(_yaml(file))
        async with opened_store(settings) as store, store.write() as unit:
            version = await arranged.keep_policies(unit, policies, by, datetime.now(UTC))
        typer.echo(f"The policies are in force as version {version}: {', '.join(policies)}.")

    with told():
        asyncio.run(work(read_settings()))


@policy_app.command("show")
def show_policies() -> None:
    """The policies in force, as a file that can be imported again."""
    from bot.escalation import arranged
    from bot.escalation.policy import WATCHED, AlertKind

    async def work(settings: Settings) -> None:
        from bot.opening import opened_store

        async with opened_store(settings) as store, store.read() as unit:
            policies = await arranged.policies(unit)
        for name, policy in policies.items():
            steps = ", ".join(_step(step) for step in policy.steps)
            lapses = f", lapses: {policy.lapses}" if policy.lapses else ""
            backs = policy.check_backs
            asked = f'{{first: {backs.first}, morning: "{backs.morning}", last: {backs.last}}}'
            more = f", check_backs: {asked}" if name in (AlertKind.DANGER, WATCHED) else ""
            typer.echo(f"{name}: {{steps: [{steps}], repeat: {policy.repeat}{lapses}{more}}}")

    with told():
        asyncio.run(work(read_settings()))


def _step(step: Any) -> str:
    from bot.escalation.policy import How

    how = "" if step.how == (How.MESSAGE,) else f", how: [{', '.join(step.how)}]"
    return f"{{after: {step.minutes}, who: {step.who}{how}}}"


async def _staff(unit: Any) -> dict[str, str]:
    from bot.store import people

    return {key: row.id for key, row in await people.staff_by_key(unit)}


def _yaml(file: Path) -> Any:
    from bot.escalation.rota import RotaError

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise RotaError([f"{file}: is not YAML: {error}"]) from error
    except OSError as error:
        raise RotaError([f"{file}: cannot be read ({error.strerror})"]) from error


def _tell(rota: Any, ids: Mapping[str, str], *, spans: bool = False) -> None:
    from bot.escalation import rota as shifts

    keys, zone, now = {staff_id: key for key, staff_id in ids.items()}, ZoneInfo(rota.time_zone), datetime.now(UTC)

    def local(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%a %d %b %H:%M}"

    def names(who: tuple[str, ...]) -> str:
        return " and ".join(keys.get(staff_id, "somebody who is gone") for staff_id in who)

    typer.echo(f"On call now: {names(shifts.on_call(rota, now)) or 'nobody'}.")
    if spans:
        for span in shifts.spans(rota, now, now + shifts.LOOKS_AHEAD):
            typer.echo(f"  {local(span.starts)} to {local(span.ends)}  {names(span.who) or 'NOBODY'}")
    for gap in shifts.gaps(rota, now):
        typer.echo(f"Nobody is on call from {local(gap.starts)} to {local(gap.ends)}: everyone is asked then.")
    for both in () if spans else shifts.doubled(rota, now):
        typer.echo(f"{names(both.who)} are on call at once from {local(both.starts)} to {local(both.ends)}.")
