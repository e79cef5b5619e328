"""Silence and worsening raise an alert once, with the reasons."""

from datetime import timedelta

import pytest

from bot.escalation.policy import AlertKind
from bot.recovery.check_in import CheckInStatus
from bot.store import people
from bot.store.database import new_id
from bot.store.tables import AlertRow, CheckInRow, RiskRow
from tests.doubles.house import House


async def check_ins(house: House, *rows: tuple[CheckInStatus, int | None]) -> None:
    """Check-ins of the last days, newest first: status and craving."""
    today = house.clock.now().date()
    async with house.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        for back, (status, craving) in enumerate(rows, 1):
            day = today - timedelta(days=back)
            unit.session.add(
                CheckInRow(id=new_id(), client_id=maya.id, local_date=day, slot="daily", status=status, craving=craving)
            )
        maya.next_look = house.clock.now()


async def of_kind(house: House, kind: AlertKind) -> list[AlertRow]:
    return [alert for alert in await house.rows(AlertRow) if alert.kind == kind]


async def test_missed_check_ins_are_told_once_with_the_reason(house: House) -> None:
    await check_ins(house, *[(CheckInStatus.MISSED, None)] * 3)
    await house.demo.forward(timedelta(hours=1))
    (alert,) = await of_kind(house, AlertKind.SILENCE)
    assert "3 check-ins in a row without an answer" in await house.opened(alert, "story_sealed")
    house.staff.is_alerted(kind="silence")
    await house.demo.forward(timedelta(hours=13))
    (alert,) = await of_kind(house, AlertKind.SILENCE)
    assert alert.count == 1, "the same level is told once"


async def test_a_rising_craving_is_told_as_a_trend(house: House) -> None:
    await check_ins(house, *[(CheckInStatus.ANSWERED, craving) for craving in (9, 8, 7, 3, 3, 2)])
    await house.demo.forward(timedelta(hours=1))
    (alert,) = await of_kind(house, AlertKind.TREND)
    assert "craving at 8 and 9" in await house.opened(alert, "story_sealed")
    page = house.staff.is_alerted(kind="trend")
    assert "craving" not in page.text, "a page carries no story"
    (row,) = await house.rows(RiskRow)
    assert row.level == "raised"


async def test_nothing_unusual_is_nothing_to_tell(house: House) -> None:
    await check_ins(house, *[(CheckInStatus.ANSWERED, 3)] * 8)
    await house.demo.forward(timedelta(hours=1))
    assert not await house.rows(RiskRow)
    assert not await of_kind(house, AlertKind.TREND)


@pytest.mark.parametrize("status", [CheckInStatus.SKIPPED, CheckInStatus.PARTIAL])
async def test_who_answers_a_little_or_says_not_today_is_not_silent(house: House, status: CheckInStatus) -> None:
    await check_ins(house, *[(status, None)] * 4)
    await house.demo.forward(timedelta(hours=1))
    assert not await of_kind(house, AlertKind.SILENCE)
