"""Both nets read every message, and where one cannot, somebody on staff knows."""

from datetime import timedelta

from bot.escalation.policy import AlertKind
from bot.store.tables import AlertRow, InboundRow
from tests.doubles.house import House


async def told(house: House) -> list[AlertRow]:
    return [alert for alert in await house.rows(AlertRow) if alert.kind == AlertKind.TECHNICAL]


async def test_what_the_engine_has_not_read_within_a_minute_is_told_to_staff_once(house: House) -> None:
    house.engine.away()
    await house.client.says("hello there")
    await house.demo.forward(timedelta(seconds=50))
    assert not await told(house)
    await house.demo.forward(timedelta(seconds=20))
    (alert,) = await told(house)
    story = await house.opened(alert, "story_sealed")
    assert "1 message" in story
    assert "handrail doctor" in story
    assert "hello there" not in story
    await house.staff.says("1c restarted it")
    await house.demo.forward(timedelta(minutes=20))
    assert len(await told(house)) == 1, "the same trouble is not told twice"


async def test_the_next_time_the_engine_is_away_is_news(house: House) -> None:
    house.engine.away()
    await house.client.says("hello there")
    await house.demo.forward(timedelta(minutes=2))
    house.engine.back()
    await house.demo.forward(timedelta(minutes=1))
    assert all(row.read_at for row in await house.rows(InboundRow))
    await house.staff.says("1c restarted it")

    house.engine.away()
    await house.client.says("hello again")
    await house.demo.forward(timedelta(minutes=2))
    assert len(await told(house)) == 2
