"""Afterwards: what happened with an alert, moment by moment; and at any time: whether everything is on time."""

import json

import pytest
from sqlalchemy import update

from bot.escalation import auditor
from bot.escalation.review import Review, of_alert
from bot.store.tables import AlertRow, AuditRow, OutboundRow
from tests.doubles.house import House

DANGER = "i want to kill myself"


async def reviewed(house: House, *, words: bool) -> Review:
    async with house.store.write() as unit:
        found = await of_alert(unit, 1, words=words, by="ruth", now=house.clock.now())
    assert found
    return found


async def a_night(house: House) -> None:
    await house.client.says(DANGER)
    await house.forward(minutes=6)
    await house.backup.says("1a")
    await house.backup.says("1h")
    await house.backup.says("I'm Sam, are you safe?")
    await house.backup.says("1n she is with her mother")
    await house.backup.says("BACK")
    await house.backup.says("1c her mother stays the night")


async def test_every_moment_stands_in_it_in_order(house: House) -> None:
    await a_night(house)
    review = await reviewed(house, words=False)
    told = [event.what for event in review.events]
    for what in (
        "said", "found: suicide, definite", "alert raised: danger", "safety reply sent", "page sent", "step 1: interventionist",
        "step 2: on call", "alert acknowledged", "hand-over began", "alert note", "alert closed",
    ):  # fmt: skip
        assert what in told, what
    assert [event.at for event in review.events] == sorted(event.at for event in review.events)
    assert told.index("step 2: on call") < told.index("alert acknowledged") < told.index("alert closed")
    assert any("Sam" in event.who for event in review.events if event.what == "alert acknowledged")


async def test_without_leave_there_are_no_words_and_no_client_names_in_it(house: House) -> None:
    await a_night(house)
    text = (await reviewed(house, words=False)).as_text()
    assert "kill myself" not in text
    assert "mother" not in text
    assert "Maya" not in text
    assert "case 1" in text


async def test_with_leave_the_words_are_there_and_that_is_on_record(house: House) -> None:
    await a_night(house)
    text = (await reviewed(house, words=True)).as_text()
    assert "kill myself" in text
    assert "she is with her mother" in text
    assert "her mother stays the night" in text
    assert [row.actor for row in await house.rows(AuditRow) if row.what == "alert reviewed"] == ["ruth"]


async def test_it_can_be_read_by_programs(house: House) -> None:
    await a_night(house)
    value = json.loads(json.dumps((await reviewed(house, words=False)).as_json()))
    assert value["number"] == 1
    assert value["status"] == "closed"
    assert all(set(event) == {"at", "what", "who", "words"} for event in value["events"])


async def test_there_is_no_review_of_nothing(house: House) -> None:
    async with house.store.write() as unit:
        assert await of_alert(unit, 7, words=True, by="ruth", now=house.clock.now()) is None


# The auditor


async def late(house: House) -> dict[str, int]:
    async with house.store.read() as unit:
        return {each.what: each.count for each in await auditor.late(unit, house.clock.now())}


async def test_where_all_works_nothing_is_late(house: House) -> None:
    await a_night(house)
    await house.forward(hours=30)
    assert await late(house) == {}


async def test_a_step_that_nobody_takes_is_late(house: House) -> None:
    await house.client.says(DANGER)
    house.move(minutes=6)
    assert await late(house) == {"alert steps": 1}
    await house.app.tick.run()
    assert await late(house) == {}


async def test_an_alert_that_has_lost_its_next_step_is_found_by_it(house: House) -> None:
    await house.client.says(DANGER)
    async with house.store.write() as unit:
        await unit.session.execute(update(AlertRow).values(next_at=None))
    house.move(minutes=1)
    assert await late(house) == {"open alerts without a next step": 1}


async def test_a_queue_that_stands_still_is_late(house: House) -> None:
    await house.writes(house.client, DANGER)
    house.move(minutes=1)
    found = await late(house)
    assert found["safety replies and pages"] >= 2
    await house.app.settle()
    house.move(seconds=1)
    assert "safety replies and pages" not in await late(house)


async def test_check_ins_that_do_not_go_out_are_late(house: House) -> None:
    house.move(hours=14)
    assert (await late(house))["check-ins"] >= 1


@pytest.mark.parametrize("minutes", [2, 10])
async def test_a_message_nobody_answers_is_late_after_a_while(house: House, minutes: int) -> None:
    await house.writes(house.client, "good morning")
    house.move(minutes=minutes)
    assert ("messages without an answer" in await late(house)) == (minutes > 5)


async def test_late_tells_how_much_and_for_how_long(house: House) -> None:
    await house.client.says(DANGER)
    house.move(minutes=9)
    async with house.store.read() as unit:
        (first, *_) = await auditor.late(unit, house.clock.now())
    assert first.told(house.clock.now()).startswith("alert steps: 1, the oldest for ")
    assert await house.rows(OutboundRow)
