"""Intake keeps the message and pages staff even when what stands behind it is broken."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.channels import console
from bot.content import ContentError
from bot.conversation.intake import Intake
from bot.safety.screen import Screen
from bot.store import people
from bot.store.tables import AlertRow, InboundRow
from tests.doubles.house import House


class BrokenScreen(Screen):
    """A screen with a fault in it."""

    def __init__(self) -> None: ...

    def read(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("a rule has a fault")


async def test_a_screen_with_a_fault_loses_no_message_and_a_human_reads_it(house: House) -> None:
    intake = Intake(house.store, BrokenScreen(), house.app.content, house.clock.now)
    taken = await intake.accept(console.heard("maya", "i want to kill myself"))
    assert taken.message_id
    (row,) = await house.rows(InboundRow)
    assert await house.opened(row, "text_sealed") == "i want to kill myself"
    (alert,) = await house.rows(AlertRow)
    assert alert.kind == "technical"
    assert "i want to kill myself" in await house.opened(alert, "story_sealed")


async def test_while_the_engine_is_away_a_weak_sign_is_asked_about(house: House) -> None:
    await house.client.says("im counting the pills on the table")
    assert not await house.rows(AlertRow), "the model reads it, and hears nothing in this test"
    house.engine.away()
    house.move(minutes=11)
    await house.client.says("im counting the pills on the table")
    (alert,) = [row for row in await house.rows(AlertRow) if row.kind == "danger"]
    assert (alert.danger, alert.level) == ("suicide", "possible")
    house.client.hears("988", lane="crisis")


async def test_without_its_words_the_protocol_still_pages_and_gives_the_lines_to_call(house: House) -> None:
    pieces: Mapping[Any, Any] = {k: v for k, v in house.app.content.pieces.items() if not k[1].startswith("safety.")}
    wordless = replace(house.app.content, pieces=pieces)
    with pytest.raises(ContentError):
        wordless.piece("safety.any.holding")
    intake = Intake(house.store, house.app.intake._screen, wordless, house.clock.now)
    await intake.accept(console.heard("maya", "i want to kill myself"))
    await house.app.senders["console"].run_once()
    house.staff.is_alerted(danger="suicide", level="definite")
    house.client.hears("911", "988", lane="crisis")


async def test_a_stranger_gets_public_help_once_and_danger_is_heard_from_them(house: House) -> None:
    async def writes(text: str) -> list[str]:
        before = len(house.lines)
        house.move(minutes=1)
        await house.app.intake.accept(console.heard("+15550199", text))
        await house.app.settle()
        return [line.text for line in house.lines[before:] if line.seat == "+15550199"]

    assert "don't know this number" in " ".join(await writes("how do i fight a craving"))
    assert await writes("hello?") == [], "nothing else, and not again the same day"
    assert "911" not in " ".join(await writes("what is maya's plan")), "nor anything about anyone"
    said = " ".join(await writes("i took all my pills, all of them"))
    assert "your local emergency number" in said, "nobody guesses where they are"
    house.staff.is_alerted(danger="overdose", level="definite")


async def test_who_has_two_phones_is_answered_on_the_one_they_wrote_from_and_asked_there_later(house: House) -> None:
    async with house.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        for number in ("one", "two", "three"):
            await people.add_contact(unit, maya.id, console.NAME, number)
    for phone in ("one", "three", "two"):
        before = len(house.lines)
        house.move(minutes=1)
        await house.app.intake.accept(console.heard(phone, "i want to kill myself"))
        await house.app.settle()
        said = [line.seat for line in house.lines[before:] if line.lane == "crisis"]
        assert said, phone
        assert set(said) == {phone}
    before = len(house.lines)
    await house.demo.forward(timedelta(minutes=35))
    said = [line.seat for line in house.lines[before:] if line.lane == "crisis"]
    assert said
    assert set(said) == {"two"}, "and asked how they are where they wrote last"
