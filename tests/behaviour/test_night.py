"""A night on two channels: who is asleep, who takes it, who writes, and what the morning knows of it."""

import pytest

from bot.escalation.policy import AlertStatus
from tests.behaviour.world import AlertRow, World


@pytest.mark.mission("M3", "M9", "M35")
@pytest.mark.channels("mixed")
async def test_a_night_ends_with_a_person(world: World) -> None:
    # Sunday evening, half past eight, in Los Angeles; at ten past two she texts.
    await world.forward(hours=5, minutes=40)
    await world.client.says("i cant do this anymore i want to die")
    reply = world.client.hears("988", lane="crisis")
    assert "alerted the team" in world.client.answer
    assert "has seen" not in world.client.answer
    world.staff.is_alerted(danger="suicide", level="definite")
    world.backup.is_not_alerted(danger="suicide")
    assert "die" not in world.staff.answer, "a page never carries the story"

    # Ruth sleeps. After five minutes the backup is asked, and takes it on Telegram at 02:16.
    await world.forward(minutes=6)
    page = world.backup.is_alerted(danger="suicide")
    await world.backup.taps("Take it")
    number = page.alert["number"]  # type: ignore[index]
    world.backup.hears(f"Alert {number} is yours", f"{number}h to write with them")
    world.client.hears("Sam has seen your alert")

    await world.backup.says(f"{number}v")
    world.backup.hears("i want to die", "Case|case")
    await world.backup.says(f"{number}h")
    world.client.hears("Sam from Copper Creek Recovery is here and writes with you now, a person")
    await world.backup.says("Maya, this is Sam. Are you at home?")
    world.client.hears("^Sam: Maya, this is Sam. Are you at home")
    await world.client.says("yes. i put the pills outside. im just so tired")
    world.backup.hears("^Case .*so tired")
    world.client.does_not_hear("Let's try", "to 10", "not a person")

    await world.forward(minutes=20)
    await world.backup.says("Your sister is with you now, so I step back. Ruth calls you at nine.")
    await world.backup.says("BACK")
    world.client.hears("Sam has left the chat")
    await world.backup.says(f"{number}c sister is with her, pills are out, Ruth calls at nine")
    world.backup.hears("closed")
    (alert,) = [row for row in await world.rows(AlertRow) if row.kind == "danger"]
    assert alert.status == AlertStatus.CLOSED

    await world.forward(hours=6)
    world.staff.hears("Good morning. In the last 24 hours: 1 alert raised, 1 closed", "None is open")
    world.backup.hears("Good morning")
    assert reply.buttons


@pytest.mark.mission("M12", "M5")
@pytest.mark.channels("console", "mixed")
async def test_three_days_without_an_answer_are_noticed_with_the_reason(world: World) -> None:
    await world.client.says("craving is a 2 today, all good")
    await world.forward(days=4, hours=12)
    (alert,) = [row for row in await world.rows(AlertRow, world.client) if row.kind == "silence"]
    await world.staff.says(f"{alert.number}v")
    world.staff.hears("check-ins in a row without an answer")
    await world.client.says("sorry, phone was broken. doing ok")
    await world.staff.says(f"{alert.number}c reached her, phone was broken")
    world.staff.hears("closed")
