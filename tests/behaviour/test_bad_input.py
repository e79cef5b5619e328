"""Whatever is typed: a clear reply or a clean record, nothing lost, and the next message works."""

import pytest

from bot.delivery.messages import InStatus
from tests.behaviour.world import AlertRow, InboundRow, World

ODD = {
    "nothing": "",
    "blanks": "   \n\t ",
    "emoji": "😭😭😭",
    "a NUL": "\x00",
    "a NUL inside": "i have\x00 a craving",
    "a lone surrogate": "\ud83d",
    "a lone surrogate inside": "hello \udc00 there",
    "right to left": "\u202eגם זה יעבור",
    "a command": "/restart",
    "an intent": '/report_lapse{"x":1}',
    "a payload": '/intent{"x":1}',
    "brackets": "[" * 3_000,
    "one word without end": "a" * 20_000,
    "question marks": "???",
    "zero-width": "\u200b\u200d\ufeff",
}


@pytest.mark.mission("M36", "M39")
@pytest.mark.parametrize("text", ODD.values(), ids=[*ODD])
async def test_odd_input_gets_an_answer_and_the_next_message_works(world: World, text: str) -> None:
    await world.client.says(text)
    assert world.client.new
    kept = (await world.rows(InboundRow))[-1]
    assert kept.status == InStatus.DONE
    await world.client.says("enough")
    await world.client.says("thanks")
    world.client.hears(".")
    assert not [alert for alert in await world.rows(AlertRow) if alert.kind == "technical"]


@pytest.mark.mission("M36", "M39")
@pytest.mark.channels("console", "telegram")
async def test_a_megabyte_is_kept_and_what_matters_in_it_is_found(world: World) -> None:
    text = "lorem ipsum " * 90_000 + " i want to kill myself"
    await world.client.says(text)
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="suicide")
    (row,) = await world.rows(InboundRow)
    assert await world.opened(row, "text_sealed") == text


@pytest.mark.mission("M36")
@pytest.mark.parametrize(
    "text", ["", "😭", "\x00", "/restart", "[[[[", "\ud800", "15", "-3", "1000", "true", "null", "{}", "%s"]
)
async def test_odd_input_inside_a_form_loses_nothing(world: World, text: str) -> None:
    await world.client.says("craving 7")
    world.client.hears("set it off|just before")
    await world.client.says("skip")
    await world.client.says("ok")
    await world.client.says("enough")
    world.client.hears("0 to 10")
    await world.client.says(text)
    assert world.client.new
    await world.client.says("4")
    await world.client.says("skip")
    world.client.hears("7", "4")
    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.level_after) == (7, 4)


@pytest.mark.mission("M9")
async def test_nobody_reports_a_lapse_by_typing_a_command(world: World) -> None:
    await world.client.says('/report_lapse{"x":1}')
    await world.client.says("/danger_suicide")
    kinds = {alert.kind for alert in await world.rows(AlertRow)}
    assert "technical" not in kinds
