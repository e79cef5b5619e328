"""``handrail client check-ins``: when a client is asked, shown and changed by staff."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot.cli.base import fail, told
from bot.recovery import check_in
from bot.recovery.check_in import Rhythm
from bot.recovery.joining import is_zone
from bot.recovery.rhythm import LONGEST_PAUSE
from bot.settings import Settings, read_settings


def check_ins(
    key: Annotated[str, typer.Argument(help="The client's short name.")],
    at: Annotated[str, typer.Option(help=check_in.WRITTEN)] = "",
    time_zone: Annotated[str, typer.Option(help="Where they are now, by its IANA name.")] = "",
    until: Annotated[str, typer.Option(help="None before this day, as 2026-12-24.")] = "",
) -> None:
    """When a client is asked, and with options: change it."""
    rhythm, back, faults = None, None, []
    try:
        rhythm = check_in.read_rhythm(at) if at else None
    except ValueError as error:
        faults.append(f"--at: {error}")
    if time_zone and not is_zone(time_zone):
        faults.append(f"--time-zone: there is no {time_zone!r}; give an IANA name, such as America/Chicago")
    try:
        back = date.fromisoformat(until) if until else None
    except ValueError:
        faults.append(f"--until: {until!r} is no day; write it as 2026-12-24")
    today = datetime.now(UTC).date()
    if back is not None and not today < back <= today + LONGEST_PAUSE:
        faults.append(f"--until: give a day within the next {LONGEST_PAUSE.days} days")
    if faults:
        raise fail(*faults)
    with told():
        said = asyncio.run(_change(read_settings(), key, rhythm, time_zone, back))
    if said is None:
        raise fail(f"no client is called {key}")
    typer.echo(said)


async def _change(settings: Settings, key: str, rhythm: Rhythm | None, zone_name: str, back: date | None) -> str | None:
    from bot.care.rhythm import arrange
    from bot.opening import opened_store
    from bot.recovery.people import Role
    from bot.store import audit, people

    now = datetime.now(UTC)
    async with opened_store(settings) as store, store.write() as unit:
        row = await people.by_key(unit, key)
        if row is None or row.role != Role.CLIENT:
            return None
        if rhythm or zone_name or back:
            arrange(row, now, rhythm or people.rhythm_of(row) or Rhythm(), zone_name or row.time_zone, back)
            await audit.write(unit, "staff", "check-ins changed", row.id, now)
        if row.rhythm is None or row.next_check_in is None:
            return f"{key} is not asked"
        following = row.next_check_in.astimezone(ZoneInfo(row.time_zone))
        return f"{key}: {row.rhythm} by the clock of {row.time_zone}; next on {following:%A %Y-%m-%d at %H:%M}"
