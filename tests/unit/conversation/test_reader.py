"""Both nets read every message, and where one cannot, somebody on staff knows."""

from datetime import timedelta

from sqlalchemy import select

from bot.escalation.policy import AlertKind
from bot.store.tables import AlertRow, InboundRow
from tests.doubles.engine import found
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


async def test_what_net_1_found_does_not_keep_net_2_from_finding_more(house: House) -> None:
    text = "i have the urge to cut myself and then it will all be over"
    house.engine.finds[text] = found("suicide")
    await house.client.says(text)
    kinds = {alert.danger: alert.level for alert in await house.rows(AlertRow)}
    assert kinds == {"self_harm": "definite", "suicide": "definite"}


async def test_one_message_that_net_2_cannot_take_keeps_it_from_no_other(house: House) -> None:
    await house.writes(house.client, "i want to kill myself")
    await house.writes(house.theo, "i want to kill myself, it is enough")
    house.engine.finds["i want to kill myself, it is enough"] = found("overdose")
    async with house.store.write() as unit:
        alert = (await unit.session.scalars(select(AlertRow).order_by(AlertRow.number))).first()
        assert alert
        alert.policy = [{"this": "is no policy"}]
    house.engine.finds["i want to kill myself"] = found("violence")
    await house.app.settle()
    assert {row.danger for row in await house.rows(AlertRow, house.theo)} >= {"overdose"}


async def test_an_answer_that_net_2_takes_for_the_same_danger_is_told_to_staff_and_not_answered_twice(
    house: House,
) -> None:
    house.engine.finds["he is breathing"] = found("overdose")
    await house.father.says("my son took heroin and wont wake up")
    house.father.catches_up()
    await house.father.says("he is breathing")
    assert len([line for line in house.father.new if line.lane == "crisis"]) == 1
    (alert,) = [row for row in await house.rows(AlertRow, house.father) if row.danger == "overdose"]
    assert alert.count == 2
