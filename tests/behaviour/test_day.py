"""One whole day, on each channel: joining, a check-in, a craving, a sister, a bad night, and people who answer."""

import pytest

from bot.recovery.people import Role
from bot.store import audit
from bot.store.tables import AlertRow, ConsentRow, InboundRow, OutboundRow
from tests.behaviour.world import World


@pytest.mark.mission("M1", "M3", "M5", "M6", "M7", "M9", "M10")
async def test_a_whole_day(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await nadia.says(code)
    await nadia.taps("1 yes")
    await nadia.taps("1 yes")
    for answer in ("US", "Portland, OR", "9 am", "503 555 0142", "skip", "skip"):
        await nadia.says(answer)
    await nadia.taps("2 no")
    nadia.hears("first check-in comes at 9 am")

    await world.forward(hours=13)  # half past nine in the morning
    nadia.hears("0 to 10|0 \\(none\\) to 10", lane="check-in")
    for answer in ("2", "6", "7"):
        await nadia.taps(answer)
    await nadia.taps("No")
    (row,) = await world.check_ins(nadia)
    assert (row.status, row.craving, row.mood, row.sleep_quality, row.used) == ("answered", 2, 6, 7, False)

    await world.forward(hours=6)
    await nadia.says("big craving after work, an 8")
    nadia.hears("8")
    await nadia.says("stress")
    nadia.hears("minutes")
    await nadia.taps("Let's try")
    for _ in range(12):
        if not any("Next" in line.buttons for line in nadia.new):
            break
        await nadia.taps("Next")
    await nadia.taps("4")
    await nadia.says("i breathed and it passed")
    nadia.hears("4")
    (episode,) = await world.episodes(nadia)
    assert (episode.level_before, episode.level_after) == (8, 4)

    await world.family.says("how can i help my sister without pushing her")
    world.family.hears(".")
    world.family.does_not_hear("nadia", "maya")

    await world.forward(hours=6)
    await nadia.says("i have all my pills in front of me and i dont want to be here anymore")
    nadia.hears("911", "988", lane="crisis")
    page = world.staff.is_alerted(kind="danger", danger="suicide")
    number = page.alert["number"] if page.alert else 0
    assert "Nadia" not in page.text
    assert "pills" not in page.text
    await nadia.says("2")
    await world.forward(minutes=6)
    world.backup.is_alerted(number=number)
    await world.backup.says(f"{number}a")
    nadia.hears("Sam has seen your alert")
    await world.backup.says(f"{number}v")
    world.backup.hears("Nadia Ross", "pills in front of me", r"\+15035550142", "Emergency contact: missing", "refused")
    await nadia.says("my neighbor is here now")
    await world.forward(hours=2)
    await world.backup.says(f"{number}c called her, her neighbour stays the night")
    world.backup.hears("closed")

    await world.forward(hours=10)
    alerts = [row for row in await world.rows(AlertRow) if row.kind == "danger"]
    assert [row.status for row in alerts] == ["closed"]
    assert len(await world.rows(ConsentRow)) == 1
    kept = await world.rows(InboundRow)
    assert {row.status for row in kept} == {"done"}
    assert all(row.read_at for row in kept if row.shape == "text")
    sent = await world.rows(OutboundRow)
    # Calls are not set up here: those fail, and what was written counts.
    assert {row.status for row in sent if row.channel != "call"} <= {"sent", "delivered", "dropped"}
    assert not [row for row in sent if row.repeat]
    async with world.store.read() as unit:
        assert await audit.verify(unit) is None
