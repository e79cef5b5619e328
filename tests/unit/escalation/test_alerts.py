"""Alerts go on from person to person until a human takes them, with the engine on or off."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import select

from bot.delivery import outbox
from bot.delivery.messages import Lane, OutStatus
from bot.escalation import alerts, arranged, policy
from bot.escalation.alerts import Change, Raising
from bot.escalation.policy import AlertKind, AlertStatus, Policy, Step, Who, read_policies
from bot.escalation.rota import read_rota
from bot.store import people
from bot.store.tables import AlertNoteRow, AlertRow, AlertStepRow, OutboundRow, QuestionRow
from tests.doubles.house import House

DANGER = "i want to kill myself"


@pytest.fixture(autouse=True, params=["engine on", "engine off"])
def engine_on_or_off(request: pytest.FixtureRequest, house: House) -> None:
    """Nothing in here needs the engine: every story is told twice."""
    if request.param == "engine off":
        house.engine.away()


async def only(house: House) -> AlertRow:
    """The one alert about a person; with the engine off there is one about the engine, and after days of silence one on that."""
    about = [alert for alert in await house.rows(AlertRow) if alert.person_id]
    (alert,) = [alert for alert in about if alert.kind != AlertKind.SILENCE]
    found: AlertRow = alert
    return found


async def steps_taken(house: House) -> list[AlertStepRow]:
    """The steps of that alert."""
    alert = await only(house)
    steps = [row for row in await house.rows(AlertStepRow) if row.alert_id == alert.id]
    return sorted(steps, key=lambda row: row.step)


async def pages(house: House, who: str) -> list[str]:
    """What paged someone because of a person."""
    seat = house.demo.seat_name(who)
    return [line.text for line in house.lines if line.seat == seat and line.alert and line.alert["case"]]


async def test_steps_at_once_after_five_and_fifteen_minutes_and_then_again_and_again(house: House) -> None:
    await house.client.says(DANGER)
    start = (await only(house)).raised_at
    await house.demo.forward(timedelta(minutes=50))
    steps = await steps_taken(house)
    assert [round((row.at - start).total_seconds() / 60) for row in steps] == [0, 5, 15, 30, 45]
    assert [row.who for row in steps] == ["interventionist", "on_call", "everyone", "everyone", "everyone"]
    assert len(await pages(house, "ruth")) == 5
    assert len(await pages(house, "sam")) == 4, "the backup is asked from the second step on"
    assert (await pages(house, "ruth"))[-1].startswith("STILL OPEN")


async def test_after_a_standstill_the_next_step_follows_once_and_not_all_at_once(house: House) -> None:
    await house.client.says(DANGER)
    house.move(hours=2)
    await house.app.tick.run()
    await house.app.tick.run()
    await house.app.settle()
    assert len(await pages(house, "ruth")) == 2
    assert (await only(house)).next_at > house.clock.now()  # type: ignore[operator]


async def test_acknowledging_stops_it(house: House) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1a")
    house.staff.hears("alert 1 is yours", "1n and what you did within 30 minutes")
    await house.demo.forward(timedelta(minutes=29))
    assert len(await pages(house, "ruth")) == 1
    assert not await pages(house, "sam")


async def test_who_has_taken_it_and_is_not_heard_of_does_not_keep_the_others_from_being_asked(house: House) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1a")
    await house.demo.forward(timedelta(minutes=31))
    assert (await only(house)).status == AlertStatus.OPEN
    assert len(await pages(house, "ruth")) == 2
    await house.demo.forward(timedelta(minutes=5))
    assert await pages(house, "sam"), "and the backup is asked five minutes later"


@pytest.mark.parametrize(
    "noted", ["1n called her, she is at her mother's", "note 1 called her, she is at her mother's"]
)
async def test_a_contact_on_record_keeps_it_theirs(house: House, noted: str) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1a")
    await house.staff.says(noted)
    house.staff.hears("noted for alert 1")
    (note,) = await house.rows(AlertNoteRow)
    assert await house.opened(note, "note_sealed") == "called her, she is at her mother's"
    await house.demo.forward(timedelta(minutes=29))
    assert (await only(house)).status == AlertStatus.ACKNOWLEDGED
    await house.client.says("it is getting worse, i will kill myself tonight")
    assert (await only(house)).status == AlertStatus.OPEN, "new danger is never swallowed by what was noted"


async def test_a_note_needs_words(house: House) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1n")
    house.staff.hears("say what was done: 1n and a few words")


@pytest.mark.parametrize("word", ["1e", "1E", "escalate 1", "1 e", "1e driving, sorry"])
async def test_who_cannot_take_it_has_the_next_person_asked_now(house: House, word: str) -> None:
    await house.client.says(DANGER)
    await house.staff.says(word)
    house.staff.hears("alert 1 goes on")
    house.backup.is_alerted(number=1)
    assert (await only(house)).status == AlertStatus.OPEN
    assert len(await pages(house, "ruth")) == 1, "whoever can't is not paged again at once"


async def test_who_took_it_can_still_hand_it_on(house: House) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1a")
    await house.staff.says("1e")
    house.backup.is_alerted(number=1)
    await house.backup.says("1a")
    house.backup.hears("alert 1 is yours")
    await house.staff.says("1e")
    house.staff.hears("sam already has alert 1")


async def test_after_everybody_has_said_no_everybody_is_asked_again(house: House) -> None:
    await house.client.says(DANGER)
    for someone in (house.staff, house.backup, house.staff, house.backup):
        await someone.says("1e")
    assert (await only(house)).next_at is not None
    before = len(await pages(house, "sam")) + len(await pages(house, "ruth"))
    await house.demo.forward(timedelta(minutes=60))
    assert len(await pages(house, "sam")) + len(await pages(house, "ruth")) > before


async def in_force(house: House, text: str) -> None:
    """Put a rota in force, written with the keys of staff."""
    async with house.store.write() as unit:
        ids = {key: row.id for key, row in await people.staff_by_key(unit)}
        await arranged.keep_rota(unit, read_rota(yaml.safe_load(text), ids), "ruth", house.clock.now())


ROTA = """\
time_zone: America/Los_Angeles
shifts: [{who: sam, from: "00:00", until: "00:00"}]
"""


async def test_the_rota_says_who_is_on_call(house: House) -> None:
    await in_force(house, ROTA.replace("sam", "ruth"))
    await house.family.says("my roommate wont wake up and his lips are blue")
    house.staff.is_alerted(danger="overdose")
    house.backup.is_not_alerted(danger="overdose")
    await in_force(house, ROTA)
    await house.father.says("my son took all his pills, he wont wake up")
    house.backup.is_alerted(danger="overdose")


async def test_the_supervisor_is_asked_where_a_policy_says_so(house: House) -> None:
    await in_force(house, ROTA.replace("sam", "ruth") + "supervisors: [sam]\n")
    steps = [{"after": 0, "who": "on_call"}, {"after": 3, "who": "supervisor"}]
    async with house.store.write() as unit:
        await arranged.keep_policies(
            unit, read_policies({"danger": {"steps": steps, "repeat": 9}}), "ruth", house.clock.now()
        )
    await house.client.says(DANGER)
    house.backup.is_not_alerted(number=1)
    await house.demo.forward(timedelta(minutes=4))
    assert [row.who for row in await steps_taken(house)] == ["on_call", "supervisor"]
    assert await pages(house, "sam")


async def test_in_a_hole_of_the_rota_everybody_is_asked_and_it_is_told_before(house: House) -> None:
    await in_force(house, ROTA.replace('until: "00:00"', 'until: "23:00"'))
    await house.app.tick.run()
    await house.app.tick.run()
    await house.app.settle()
    told = [alert for alert in await house.rows(AlertRow) if alert.kind == AlertKind.TECHNICAL]
    stories = "".join([await house.opened(alert, "story_sealed") for alert in told])
    assert stories.count("Nobody is on call from Sun 22 Nov 23:00 to Mon 23 Nov 00:00") == 1
    await house.demo.forward(timedelta(hours=3))
    await house.client.says(DANGER)
    await house.demo.forward(timedelta(minutes=6))
    assert await pages(house, "sam")
    assert await pages(house, "ruth")


async def test_who_does_not_answer_a_check_back_is_news_even_after_somebody_took_the_alert(house: House) -> None:
    await house.client.says(DANGER)
    await house.client.says("1")
    await house.staff.says("1a")
    await house.staff.says("1n tried to call, will try again")
    await house.demo.forward(timedelta(minutes=42))
    assert len(await pages(house, "ruth")) == 2
    assert "no answer" in await house.opened(await only(house), "story_sealed")


async def test_who_keeps_crying_for_help_does_not_keep_the_next_person_from_being_asked(house: House) -> None:
    for _ in range(6):
        await house.client.says(DANGER)
        await house.demo.forward(timedelta(minutes=4))
    assert await pages(house, "sam"), "the backup is asked after five minutes all the same"
    assert [row.step for row in await steps_taken(house)] == [0, 1, 2]
    assert len(await pages(house, "ruth")) >= 6, "and each cry pages again"


async def test_ten_messages_in_a_minute_are_one_page_with_a_count(house: House) -> None:
    for _ in range(10):
        await house.writes(house.client, DANGER)
    await house.app.settle()
    assert len(await pages(house, "ruth")) == 1
    assert (await only(house)).count == 10


async def test_an_alert_is_not_closed_over_a_message_that_came_in_meanwhile(house: House) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1a")
    await house.writes(house.client, "i lied to you, i am going to kill myself now")
    await house.writes(house.staff, "1c spoke with her, she is calm")
    await house.app.settle()
    house.staff.hears("not closed", "1v")
    assert (await only(house)).status == AlertStatus.OPEN
    house.staff.is_alerted(number=1)
    await house.staff.says("1v")
    house.staff.hears("i lied to you")
    await house.staff.says("1c called 911, they are with her")
    assert (await only(house)).status == AlertStatus.CLOSED


async def test_what_both_nets_tell_of_one_message_is_read_once(house: House) -> None:
    await house.client.says(DANGER)
    alert = await only(house)
    told = await house.opened(alert, "story_sealed")
    async with house.store.write() as unit:
        what = Raising(AlertKind.DANGER, alert.person_id, danger="suicide", level="definite", story=told)
        _, reached = await alerts.raise_alert(unit, what, house.clock.now())
    assert reached
    again = await only(house)
    assert again.count == 2
    assert await house.opened(again, "story_sealed") == told


async def test_a_story_that_does_not_open_keeps_no_danger_from_being_told(house: House) -> None:
    await house.client.says(DANGER)
    async with house.store.write() as unit:
        row = (await unit.session.scalars(select(AlertRow))).first()
        assert row
        row.story_sealed = b"x" * 60
    house.staff.catches_up()
    house.move(minutes=2)
    await house.client.says("i took all my pills to kill myself")
    house.client.hears("911", lane="crisis")
    house.staff.is_alerted(danger="suicide")
    await house.staff.says("1v")
    house.staff.hears("i took all my pills")


async def test_a_graver_danger_that_was_asked_about_first_is_not_forgotten_in_silence(house: House) -> None:
    await house.client.says("they would be better off without me")
    await house.client.says("i have the urge to cut myself")
    await house.demo.forward(timedelta(minutes=35))
    levels = {alert.danger: alert.level for alert in await house.rows(AlertRow) if alert.danger}
    assert levels == {"suicide": "definite", "self_harm": "definite"}


async def test_someone_on_staff_who_is_in_danger_is_heard_and_somebody_else_is_paged(house: House) -> None:
    for text in (
        "take 30 pills tonight and never wake up",
        "3 a day was not enough so i took the whole bottle of pills",
    ):
        house.backup.catches_up()
        await house.backup.says(text)
        house.backup.hears("911|988", lane="crisis")
    assert await pages(house, "ruth")
    assert not await pages(house, "sam"), "nobody is paged for themselves"


async def test_a_note_about_a_danger_is_a_note(house: House) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1c she took 30 pills, the ambulance has her now")
    house.staff.hears("alert 1 is closed")
    assert len(await house.rows(AlertRow)) == 1


async def test_the_first_of_two_wins_and_the_other_is_told_who(house: House) -> None:
    await house.client.says(DANGER)
    await house.backup.says("1a")
    house.backup.hears("alert 1 is yours")
    await house.staff.says("1a")
    house.staff.hears("Sam already has alert 1")


async def test_a_queued_page_of_an_alert_that_somebody_took_is_dropped(house: House) -> None:
    await house.writes(house.client, DANGER)
    async with house.store.write() as unit:
        sam = await people.by_key(unit, "sam")
        assert sam
        assert (await alerts.acknowledge(unit, 1, sam.id, house.clock.now())).change is Change.DONE
    await house.app.settle()
    assert not await pages(house, "ruth")


async def test_a_queued_page_of_a_closed_alert_is_dropped(house: House) -> None:
    await house.writes(house.client, DANGER)
    async with house.store.write() as unit:
        sam = await people.by_key(unit, "sam")
        assert sam
        await alerts.close(unit, 1, sam.id, "phoned her, her sister is there", house.clock.now())
    await house.app.settle()
    assert not await pages(house, "ruth")
    (page,) = [row for row in await house.sent(house.staff) if row.lane == Lane.ALERT]
    assert (page.status, page.reason) == (OutStatus.DROPPED, "the alert was closed meanwhile")


async def test_closing_needs_a_note_and_ends_everything(house: House) -> None:
    await house.client.says("they would be better off without me")
    assert await house.rows(QuestionRow), "this is a danger that asks"
    await house.staff.says("1c")
    house.staff.hears("say what was done")
    assert (await only(house)).status == AlertStatus.OPEN

    await house.staff.says("1c phoned her, she is at her sister's")
    house.staff.hears("alert 1 is closed")
    before = len(house.lines)
    await house.demo.forward(timedelta(hours=20))
    alert = await only(house)
    assert (alert.status, alert.next_at, alert.check_back_at) == (AlertStatus.CLOSED, None, None)
    new = [line for line in house.lines[before:] if line.lane == "crisis" or (line.alert and line.alert["case"])]
    assert not new, "silence raises nothing anew"


async def test_the_note_may_not_be_empty_space(house: House) -> None:
    await house.client.says(DANGER)
    with pytest.raises(ValueError, match="note"):
        async with house.store.write() as unit:
            await alerts.close(unit, 1, "somebody", "  ", house.clock.now())


async def test_a_danger_that_joins_an_acknowledged_alert_pages_again(house: House) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1a")
    house.staff.catches_up()
    await house.client.says("i cant take it any more i am going to kill myself")
    page = house.staff.is_alerted(number=1, danger="suicide", status="open")
    assert "2 messages" in page.text
    await house.demo.forward(timedelta(minutes=6))
    assert await pages(house, "sam"), "and it escalates from the start"


async def test_a_danger_that_joins_starts_the_check_backs_anew(house: House) -> None:
    await house.client.says(DANGER)
    await house.demo.forward(timedelta(minutes=31))
    house.move(hours=1)
    await house.client.says(DANGER)
    assert (await only(house)).check_back_at == house.clock.now() + timedelta(minutes=30)


async def test_another_kind_of_danger_makes_an_alert_of_its_own(house: House) -> None:
    await house.client.says(DANGER)
    await house.client.says("i took all my pills")
    assert sorted(str(alert.danger) for alert in await house.rows(AlertRow)) == ["overdose", "suicide"]


async def test_who_asks_for_a_person_again_after_somebody_took_it_is_heard_again(house: House) -> None:
    async def ask() -> None:
        async with house.store.write() as unit:
            maya = await people.by_key(unit, "maya")
            assert maya
            await alerts.raise_alert(unit, Raising(AlertKind.HUMAN, maya.id), house.clock.now())
        await house.app.settle()

    await ask()
    await ask()
    assert len(await pages(house, "ruth")) == 1, "while nobody has taken it, one page is enough"
    await house.staff.says("1a")
    await ask()
    assert len(await pages(house, "ruth")) == 2


async def test_the_policy_of_an_alert_stays_as_it_was_when_it_was_raised(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.client.says(DANGER)
    monkeypatch.setattr(policy, "PAGE", Policy((Step(0, Who.INTERVENTIONIST), Step(600, Who.ON_CALL)), 600))
    await house.demo.forward(timedelta(minutes=5))
    assert len(await pages(house, "sam")) == 1


async def test_an_alert_that_lost_its_next_step_is_found(house: House) -> None:
    await house.client.says(DANGER)
    async with house.store.write() as unit:
        (await unit.session.scalars(select(AlertRow))).one().next_at = None
    await house.app.tick.run()
    await house.app.settle()
    assert len(await pages(house, "ruth")) == 2
    assert (await only(house)).next_at is not None


async def test_one_alert_that_cannot_be_stepped_holds_up_no_other(house: House) -> None:
    await house.client.says(DANGER)
    await house.theo.says(DANGER)
    async with house.store.write() as unit:
        first = (await unit.session.scalars(select(AlertRow).order_by(AlertRow.number))).first()
        assert first
        first.policy = [{"this": "is no policy"}]
    house.backup.catches_up()
    house.move(minutes=6)
    await house.app.tick.run()
    await house.app.settle()
    house.backup.is_alerted(number=2)


async def test_with_nobody_on_staff_it_never_says_that_anyone_was_alerted(empty_house: House) -> None:
    house = empty_house
    await house.client.says(DANGER)
    house.client.hears("988", "911", lane="crisis")
    house.client.does_not_hear("alerted the team", "i've alerted", "have been told")
    await house.demo.forward(timedelta(hours=1))
    assert not [line for line in house.lines if "alerted the team" in line.text]
    alert = await only(house)
    assert (alert.status, alert.next_at is not None) == (AlertStatus.OPEN, True), "it waits for the first who comes"


async def test_a_page_that_fails_asks_the_next_person_at_once_but_never_in_a_storm(house: House) -> None:
    await house.writes(house.client, DANGER)
    for _ in range(40):
        async with house.store.write() as unit:
            for row in await unit.session.scalars(select(OutboundRow).where(OutboundRow.lane == int(Lane.ALERT))):
                if row.status == OutStatus.QUEUED:
                    row.status = OutStatus.SENDING
                    await unit.session.flush()
                    await outbox.record(unit, [outbox.Outcome(row.id, failure="blocked")], house.clock.now())
                    await alerts.page_failed(unit, str(row.alert_id), house.clock.now())
        house.move(seconds=5)
        await house.app.tick.run()
    steps = [row.step for row in await steps_taken(house)]
    assert steps == [0, 1, 2], "all three steps at once, then the repeats at their own pace"


async def test_silence_makes_a_possible_danger_definite(house: House) -> None:
    await house.client.says("they would be better off without me")
    alert = await only(house)
    assert alert.level == "possible"
    (question,) = await house.rows(QuestionRow)
    assert question.deadline - question.asked_at == timedelta(minutes=10)
    await house.demo.forward(timedelta(minutes=11))
    alert = await only(house)
    assert alert.level == "definite"
    assert "no answer in time" in await house.opened(alert, "story_sealed")
    await house.demo.forward(timedelta(minutes=6))
    assert await pages(house, "sam"), "and it is paged as a definite one"


async def test_a_no_keeps_the_alert_open(house: House) -> None:
    await house.client.says("they would be better off without me")
    await house.client.says("no")
    alert = await only(house)
    assert (alert.status, alert.level) == (AlertStatus.OPEN, "possible")
    await house.demo.forward(timedelta(minutes=61))
    assert await pages(house, "sam"), "a human looks at it the same day"


async def test_two_answers_that_settle_nothing_make_it_definite(house: House) -> None:
    await house.client.says("they would be better off without me")
    await house.client.says("the weather is grey")
    assert (await only(house)).level == "possible"
    await house.client.says("purple, i guess")
    assert (await only(house)).level == "definite"


async def test_check_backs_after_half_an_hour_the_next_morning_and_three_days_until_it_is_closed(house: House) -> None:
    await house.client.says(DANGER)
    await house.client.says("1")
    await house.staff.says("1a")
    start = (await only(house)).raised_at
    seen: list[datetime] = []
    for _ in range(4):
        due = (await only(house)).check_back_at
        assert due
        seen.append(due)
        await house.demo.forward(due - house.clock.now())
        await house.client.says("1")
    home = ZoneInfo("America/Los_Angeles")
    assert seen[0] == start + timedelta(minutes=30)
    assert seen[1].astimezone(home).strftime("%H:%M") == "09:00"
    assert seen[1] - start < timedelta(hours=24)
    assert seen[2] == start + timedelta(hours=72)
    assert seen[3].astimezone(home).strftime("%H:%M") == "09:00"

    await house.staff.says("1c she is with her family and safe")
    house.client.catches_up()
    await house.demo.forward(timedelta(days=2))
    house.client.does_not_hear("how are you (now|doing)")
    assert (await only(house)).check_back_at is None
    assert start.tzinfo is UTC


async def test_two_dangers_of_one_person_are_asked_back_about_once(house: House) -> None:
    await house.client.says("i took all my pills")
    house.move(minutes=1)
    await house.client.says(DANGER)
    house.client.catches_up()
    before = len(house.lines)
    await house.demo.forward(timedelta(minutes=33))
    said = [line.text for line in house.lines[before:] if line.lane == "crisis"]
    asked = [row for row in await house.rows(QuestionRow) if row.asked_at >= house.clock.now() - timedelta(minutes=5)]
    assert len(asked) == 1, said
    for alert in await house.rows(AlertRow):
        if alert.person_id:
            assert alert.check_backs == 1


async def test_the_same_possible_danger_said_again_is_an_answer_that_settles_nothing(house: House) -> None:
    for text in ("whats the point anymore", "there is no point anymore", "what is the point of any of this anymore"):
        await house.client.says(text)
    alert = await only(house)
    assert alert.level == "definite"
    house.client.hears("alerted the team", lane="crisis")


async def test_nobody_closes_an_alert_about_themselves(house: House) -> None:
    await house.backup.says("i want to kill myself")
    await house.backup.says("1c just testing")
    house.backup.hears("somebody else closes it")
    assert (await only(house)).status == AlertStatus.OPEN


async def test_what_staff_write_beside_commands_is_said_to_reach_nobody(house: House) -> None:
    await house.client.says(DANGER)
    for text in ("hello maya, are you ok?", "1a 2a", "yes im on it"):
        await house.staff.says(text)
        house.staff.hears("goes to nobody", "1: suicide")
    assert (await only(house)).status == AlertStatus.OPEN
    await house.staff.says("1a on my way")
    house.staff.hears("alert 1 is yours")
    await house.staff.says("1a")
    house.staff.hears("you already have alert 1")
    await house.staff.says("1a i want to kill myself too")
    house.staff.hears("988", lane="crisis")
