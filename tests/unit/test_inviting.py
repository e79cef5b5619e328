"""`handrail client|family|staff add` and `handrail invite`, as staff use them in a shell."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.channels.console import NAME
from bot.opening import opened_store
from bot.recovery.people import DECLINED, MINOR
from bot.settings import Settings
from bot.store import people
from bot.store.tables import ConsentRow, PersonRow
from tests.behaviour.test_demo import run


@pytest.fixture
def practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ruth on staff and Maya, a client of hers; neither has joined yet."""
    for name in [name for name in os.environ if name.startswith("HANDRAIL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    run("staff", "add", "ruth", "--name", "Ruth Calloway", folder=tmp_path)
    added = run("client", "add", "maya", "--name", "Maya Ortega", "--interventionist", "ruth", folder=tmp_path)
    assert added.returncode == 0, added.stderr
    return tmp_path


def row_of(folder: Path, key: str, *, joining: str | None = "", joined: bool = False) -> PersonRow:
    """A person as they are kept; ``joining`` and ``joined`` change where they stand."""

    async def work() -> PersonRow:
        async with opened_store(Settings(data=folder / "data")) as store, store.write() as unit:
            row = await people.by_key(unit, key)
            assert row
            if joining != "":
                row.joining = joining
            if joined:
                await people.add_contact(unit, row.id, NAME, key)
            return row

    return asyncio.run(work())


def test_people_get_the_practices_time_zone(practice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert row_of(practice, "maya").time_zone == "America/New_York"
    monkeypatch.setenv("HANDRAIL_TIME_ZONE", "America/Los_Angeles")
    run("client", "add", "theo", "--name", "Theo Lindqvist", folder=practice)
    run("family", "add", "ines", "--name", "Ines Ortega", "--time-zone", "Europe/Madrid", folder=practice)
    assert row_of(practice, "theo").time_zone == "America/Los_Angeles"
    assert row_of(practice, "ines").time_zone == "Europe/Madrid"


def test_a_country_without_lines_to_call_is_warned_of(practice: Path) -> None:
    added = run("client", "add", "theo", "--name", "Theo Lindqvist", "--country", "FR", folder=practice)
    assert added.returncode == 0, added.stderr
    assert "theo is in FR, of which content/lines.yml has no lines to call" in added.stderr
    assert "Code: " in added.stdout
    assert "lines" not in run("client", "add", "nora", "--name", "Nora", "--country", "GB", folder=practice).stderr


def test_the_answer_of_a_client_is_looked_up_by_the_relatives_name(practice: Path) -> None:
    row_of(practice, "maya", joining=None, joined=True)
    asked = run("family", "add", "ines", "--name", "Ines Ortega", "--of", "maya", folder=practice)
    assert asked.returncode == 0, asked.stderr
    assert "`handrail invite ines`" in asked.stdout
    waits = run("invite", "ines", folder=practice)
    assert waits.returncode == 2
    assert "have not said yes" in waits.stderr

    async def refuse() -> None:
        async with opened_store(Settings(data=practice / "data")) as store, store.write() as unit:
            relative = await people.by_key(unit, "ines")
            assert relative
            asked = select(ConsentRow).where(ConsentRow.other_id == relative.id)
            (await unit.session.scalars(asked)).one().refused_at = datetime.now(UTC)

    asyncio.run(refuse())
    refused = run("invite", "ines", folder=practice)
    assert refused.returncode == 2
    assert "they have said no to ines" in refused.stderr


def test_nobody_who_said_that_they_are_under_18_is_invited_again(practice: Path) -> None:
    row_of(practice, "maya", joining=MINOR)
    done = run("invite", "maya", folder=practice)
    assert done.returncode == 2
    assert "maya said that they are under 18" in done.stderr
    assert "Code" not in done.stdout


def test_who_declined_is_asked_once_more(practice: Path) -> None:
    row_of(practice, "maya", joining=DECLINED)
    done = run("invite", "maya", folder=practice)
    assert done.returncode == 0, done.stderr
    assert "maya has said no when they were asked to join" in done.stdout
    assert "Code: " in done.stdout
    row_of(practice, "maya", joining=None)
    assert "said no" not in run("invite", "maya", folder=practice).stdout
