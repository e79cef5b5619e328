"""A practice with published hours, and a practice of one."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from bot.content import Content
from bot.escalation import alerts, arranged
from bot.escalation.policy import AlertKind, AlertStatus, read_policies
from bot.escalation.rota import read_rota
from bot.safety.screen import Screen
from bot.store import arrangements, people
from bot.store.arrangements import Arrangement
from bot.store.tables import AlertRow
from tests.doubles.engine import EngineDouble
from tests.doubles.house import House, opened_house

DANGER = "i want to kill myself"


async def in_force(house: House, text: str) -> None:
    """Put a rota in force, written with the keys of staff."""
    async with house.store.write() as unit:
        ids = {key: row.id for key, row in await people.staff_by_key(unit)}
        await arranged.keep_rota(unit, read_rota(yaml.safe_load(text), ids), "ruth", house.clock.now())


async def pages(house: House, who: str) -> list[str]:
    """What paged someone because of a person."""
    seat = house.demo.seat_name(who)
    return [line.text for line in house.lines if line.seat == seat and line.alert and line.alert["case"]]


CLOSED = """\
time_zone: America/Los_Angeles
outside: wait
shifts: [{who: ruth, days: [mon, tue, wed, thu, fri], from: "09:00", until: "17:00"}]
"""


async def test_outside_its_hours_a_practice_is_asked_for_danger_alone(house: House) -> None:
    # It is Sunday evening.
    await in_force(house, CLOSED)
    async with house.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        what = alerts.Raising(AlertKind.HUMAN, maya.id, story="asks for a person")
        alert, reached = await alerts.raise_alert(unit, what, house.clock.now())
        assert reached == 0
        assert f"{alert.next_at:%a %H:%M}" == "Mon 17:00", "nine in Los Angeles, in UTC"
    await house.demo.forward(timedelta(hours=2))
    assert not await pages(house, "ruth")
    assert not [row for row in await house.rows(AlertRow) if row.kind == AlertKind.TECHNICAL], "hours are no hole"
    await house.client.says(DANGER)
    assert await pages(house, "ruth")
    await house.demo.forward(timedelta(minutes=6))
    assert await pages(house, "sam"), "a danger goes to everyone while nobody is on call"
    before = len(await pages(house, "ruth"))
    await house.staff.says("2a")
    await house.staff.says("2n called her, she is with her sister")
    await house.demo.forward(timedelta(hours=20))
    assert len(await pages(house, "ruth")) > before, "the note is read when the shift begins"


async def test_who_cannot_take_it_outside_the_hours_has_the_others_asked(house: House) -> None:
    await in_force(house, CLOSED)
    async with house.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        await alerts.raise_alert(unit, alerts.Raising(AlertKind.HUMAN, maya.id), house.clock.now())
    await house.staff.says("1e")
    assert await pages(house, "sam")


ALONE = """\
practice: {name: Alder House, country: US, time_zone: America/Los_Angeles}
people:
  - {key: ruth, seat: staff, role: staff, name: Ruth Abara}
  - {key: maya, seat: client, role: client, name: Maya Ortega, interventionist: ruth}
"""


async def test_a_practice_of_one_is_asked_again_until_that_one_answers(
    tmp_path: Path, content: Content, screen: Screen, engine: EngineDouble
) -> None:
    home = tmp_path / "alone"
    (home / "demo").mkdir(parents=True)
    (home / "demo" / "practice.yml").write_text(ALONE)
    async with opened_house(home, home, content, screen, engine, "") as house:
        await house.client.says(DANGER)
        assert len(await pages(house, "ruth")) == 1
        await house.demo.forward(timedelta(minutes=31))
        assert len(await pages(house, "ruth")) == 4, "at once, after 5, 15 and 30 minutes"
        await house.staff.says("1e")
        house.staff.hears("nobody else to ask")
        assert len(await pages(house, "ruth")) == 4, "not asked again in the same breath"
        await house.demo.forward(timedelta(minutes=16))
        assert len(await pages(house, "ruth")) > 4
        await house.staff.says("1a")
        house.client.hears("Ruth")
        taken = len(await pages(house, "ruth"))
        await house.demo.forward(timedelta(minutes=20))
        assert len(await pages(house, "ruth")) == taken


async def test_everybody_who_cannot_take_it_pushes_the_next_page_no_further_away(house: House) -> None:
    await house.client.says(DANGER)
    for _ in range(3):
        house.move(seconds=20)
        await house.staff.says("1e")
        await house.backup.says("1e")
    (alert,) = [row for row in await house.rows(AlertRow) if row.kind == AlertKind.DANGER]
    assert alert.next_at is not None
    assert alert.next_at <= house.clock.now() + timedelta(minutes=15)


async def test_a_rota_that_cannot_be_read_keeps_no_danger_from_being_told(house: House) -> None:
    async with house.store.write() as unit:
        await arrangements.add_version(unit, Arrangement.ROTA, {"time_zone": "Mars"}, "ruth", house.clock.now())
    await house.client.says(DANGER)
    await house.demo.forward(timedelta(minutes=6))
    assert await pages(house, "ruth")
    assert await pages(house, "sam")


async def test_the_practices_own_times_count_for_what_was_taken_and_for_asking_again(house: House) -> None:
    steps = [{"after": 0, "who": "everyone"}]
    own = {"danger": {"steps": steps, "repeat": 9, "lapses": 20, "check_backs": {"first": 15, "morning": "10:30"}}}
    async with house.store.write() as unit:
        await arranged.keep_policies(unit, read_policies(own), "ruth", house.clock.now())
    await house.client.says(DANGER)
    await house.staff.says("1a")
    house.staff.hears("within 20 minutes")
    (alert,) = [row for row in await house.rows(AlertRow) if row.kind == AlertKind.DANGER]
    assert alert.check_back_at == alert.raised_at + timedelta(minutes=15)
    await house.demo.forward(timedelta(minutes=19))
    (alert,) = [row for row in await house.rows(AlertRow) if row.kind == AlertKind.DANGER]
    assert alert.status == AlertStatus.ACKNOWLEDGED
    assert alert.check_back_at is not None
    assert alert.check_back_at.astimezone(ZoneInfo("America/Los_Angeles")).strftime("%H:%M") == "10:30"
    await house.demo.forward(timedelta(minutes=2))
    (alert,) = [row for row in await house.rows(AlertRow) if row.kind == AlertKind.DANGER]
    assert alert.status == AlertStatus.OPEN
