"""Joining: an invite, what this is, a plain yes, a few questions that may be left out; strangers get public help."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.care import enrolment, joining
from bot.care.enrolment import NewPerson
from bot.recovery.people import Practice, Role
from bot.store import audit, conversations, people
from bot.store.tables import AlertRow, CheckInRow, ConsentRow, ContactPointRow, InboundRow, InviteRow, PersonRow
from tests.behaviour.world import Someone, World


async def row_of(world: World, key: str) -> PersonRow:
    async with world.store.read() as unit:
        row = await people.by_key(unit, key)
        assert row
        return row


async def agrees(someone: Someone, code: str) -> None:
    await someone.says(code)
    await someone.taps("1 yes")
    await someone.taps("1 yes")


@pytest.mark.mission("M6", "M7", "M36")
async def test_a_client_joins_and_is_told_what_this_is_before_anything_is_asked(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await nadia.says(code)
    nadia.hears("Hi Nadia.*automated program.*not a person", "not private", "can read what you write", "call 911")
    nadia.hears("Is it okay with you to go on")
    assert len(nadia.new) == 4
    await nadia.taps("1 yes")
    nadia.hears("18 or older")
    await nadia.taps("1 yes")
    nadia.hears("skip", "Which country")
    await nadia.says("the US")
    nadia.hears("city or state")
    await nadia.says("Boise, Idaho")
    nadia.hears("time of day")
    await nadia.says("10:30 in the morning")
    nadia.hears("number can a person call")
    await nadia.says("(208) 555-0142")
    await nadia.says("12 Elm Street, Boise")
    nadia.hears("Who should we call")
    await nadia.says("my sister Ana, 208 555 0177")
    nadia.hears("look in on you")
    await nadia.taps("1 yes")
    nadia.hears("first check-in comes at 10:30 am")
    row = await row_of(world, "nadia")
    assert (row.joining, row.country, row.time_zone, row.rhythm) == (None, "US", "America/Boise", "10:30")
    assert await world.opened(row, "number_sealed") == "+12085550142"
    assert row.welfare_check is True
    (consent,) = await world.rows(ConsentRow)
    assert consent.given_at
    assert consent.wording == world.demo.app.content.version(
        ("joining.hello.client", "joining.private.client", "joining.hours", "joining.agree"), "en"
    )
    await nadia.says("i took a whole bottle of tylenol")
    await world.staff.says("1v")
    world.staff.hears(r"\+12085550142", "12 Elm Street", "sister Ana", "Welfare check: agreed")


@pytest.mark.mission("M36")
async def test_whatever_is_refused_is_missing_in_the_alert_and_nothing_more(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await agrees(nadia, code)
    for _ in range(7):
        await nadia.says("skip")
    nadia.hears("That's all, Nadia")
    await nadia.says("i want to kill myself")
    await world.staff.says("1v")
    world.staff.hears("Place: missing", "Emergency contact: missing", "Welfare check: not said")


@pytest.mark.mission("M10")
async def test_danger_in_the_middle_of_joining_goes_before_everything(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await nadia.says(code)
    await nadia.says("i can't do this, i'm going to kill myself")
    nadia.hears("911", lane="crisis")
    world.staff.is_alerted(danger="suicide", level="definite")
    await nadia.says("2")
    nadia.does_not_hear("I won't send you anything more")
    assert (await row_of(world, "nadia")).joining == "agree", "the 2 answered the safety question, and nothing else"


async def test_who_writes_of_something_else_is_answered_and_not_asked_for_their_country_again(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await agrees(nadia, code)
    await nadia.says("i really want to drink right now, what do i do")
    nadia.hears("details", "0 to 10")
    nadia.does_not_hear("country")
    await nadia.says("7")
    nadia.hears(r"\b7\b")
    await nadia.says("enough")
    await nadia.says("details")
    nadia.hears("number can a person call")
    await nadia.says("what for?")
    nadia.hears(".")


async def test_what_cannot_be_read_is_asked_once_more_with_an_example(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await agrees(nadia, code)
    await nadia.says("narnia")
    nadia.hears("couldn't read that as a country.*Canada")
    await nadia.says("mexico")
    nadia.hears("city or state")
    await nadia.says("cdmx")
    await nadia.says("sometime")
    nadia.hears("9 am")
    row = await row_of(world, "nadia")
    assert (row.country, row.time_zone) == ("MX", "America/Mexico_City")
    await nadia.says("i'm going to kill myself")
    nadia.hears("800 911 2000", lane="crisis")


async def test_without_a_plain_yes_nothing_goes_on(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await nadia.says(code)
    await nadia.says("what is this")
    nadia.hears("clear yes|couldn't tell")
    await nadia.taps("2 no")
    nadia.hears("won't send you anything more")
    await world.forward(days=2)
    nadia.hears_nothing()
    await nadia.says("my craving is at 8")
    nadia.does_not_hear("set it off", "0 to 10")
    await nadia.says("i want to die tonight")
    nadia.hears("988", lane="crisis")
    (consent,) = await world.rows(ConsentRow)
    assert consent.refused_at
    await world.staff.says("1c talked to her")
    await nadia.says("START")
    nadia.hears("Is it okay with you to go on")
    assert not [row for row in await world.rows(CheckInRow) if row.client_id == consent.person_id]


@pytest.mark.parametrize("age", ["im 17", "16", "almost 18", "no im fifteen, i mean 15", "yes. well 17"])
@pytest.mark.channels("console")
async def test_an_age_is_heard_as_well_as_a_no(world: World, age: str) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await nadia.says(code)
    await nadia.says("yes")
    await nadia.says(age)
    nadia.hears("grown-up you trust")


@pytest.mark.parametrize("age", ["34", "i'm 52", "yes i am", "1", "yes 19"])
@pytest.mark.channels("console")
async def test_and_so_is_that_of_someone_of_age(world: World, age: str) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await nadia.says(code)
    await nadia.says("what is this")
    first = nadia.answer
    await nadia.says("who reads it")
    assert nadia.answer != first, "not the same words twice in a row"
    await nadia.says("yes")
    await nadia.says(age)
    nadia.hears("Which country")
    await nadia.says("america")
    await nadia.says("portland")
    await nadia.says("9")
    for unwilling in ("nah", "i dont want to tell you that", "not comfortable with that"):
        await nadia.says(unwilling)
        nadia.does_not_hear("couldn't", "can wait", "details")


@pytest.mark.mission("M36")
async def test_who_is_under_age_gets_no_course_and_a_person_looks(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await nadia.says(code)
    await nadia.taps("1 yes")
    await nadia.taps("2 no")
    nadia.hears("grown-up you trust", "911")
    world.staff.is_alerted(kind="human")
    await nadia.says("craving")
    nadia.does_not_hear("0 to 10")
    await world.forward(days=1)
    assert not [row for row in await world.rows(CheckInRow) if row.client_id == (await row_of(world, "nadia")).id]


@pytest.mark.mission("M36")
async def test_a_code_works_once_for_a_week_and_for_nobody_elses_phone(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    other, stale = await world.newcomer("omar", Role.CLIENT, "Omar Diaz")
    await world.client.says(code)
    world.client.does_not_hear("Hi Nadia")
    await nadia.says(code)
    nadia.hears("Hi Nadia")
    thief = world.passer_by("thief")
    await thief.says(code)
    thief.does_not_hear("Nadia")
    await world.forward(days=8)
    await other.says(stale)
    other.does_not_hear("Hi Omar")
    other.hears("don't know this number")
    assert [row.used_at is not None for row in await world.rows(InviteRow)].count(True) == 1


@pytest.mark.mission("M10", "M36")
async def test_a_stranger_gets_public_help_and_the_danger_screen_and_nothing_else(world: World) -> None:
    stranger = world.passer_by("stranger")
    await stranger.says("is maya a client of yours?")
    stranger.hears("don't know this number", "your local emergency number")
    stranger.does_not_hear("maya")
    await stranger.says("my craving is an 8")
    stranger.hears_nothing()
    await stranger.says("i took forty pills")
    stranger.hears("emergency number", lane="crisis")
    world.staff.is_alerted(danger="overdose", level="definite")
    await world.staff.says("1v")
    world.staff.hears("Nobody we know", "forty pills")


async def test_a_stranger_who_is_invited_later_is_the_person_they_are(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await nadia.says("hello?")
    nadia.hears("If you were invited, send me your code")
    await nadia.says(f"sorry, {code.lower()}")
    nadia.hears("Hi Nadia")
    contacts = [row for row in await world.rows(ContactPointRow, nadia) if row.verified_at]
    assert len(contacts) == 1


@pytest.mark.mission("M36")
async def test_a_relative_joins_only_when_the_client_has_agreed(world: World) -> None:
    now = world.demo.clock.now()
    async with world.store.write() as unit:
        client = await people.by_key(unit, "maya")
        assert client
        new = NewPerson(key="lena", role=Role.FAMILY, name="Lena Ortega", time_zone="UTC", country="US")
        lena = await enrolment.add(unit, new, now)
        await enrolment.ask_client(unit, world.demo.app.content, Practice("Alder House"), client, lena, now)
        with pytest.raises(joining.NotConsented):
            await joining.invite(unit, lena, now)
    world.client.catches_up()
    await world.demo.app.settle()
    world.client.hears("let Lena use this program.*Nothing about you")
    await world.client.taps("1 yes")
    world.client.hears("Lena can use this program")
    async with world.store.write() as unit:
        row = await people.by_key(unit, "lena")
        assert row
        assert await joining.invite(unit, row, now)
        assert await audit.verify(unit) is None


@pytest.mark.mission("M36")
async def test_a_client_who_refuses_a_relative_is_obeyed_and_may_think_again(world: World) -> None:
    now = world.demo.clock.now()
    async with world.store.write() as unit:
        client = await people.by_key(unit, "maya")
        assert client
        new = NewPerson(key="lena", role=Role.FAMILY, name="Lena Ortega", time_zone="UTC", country="US")
        lena = await enrolment.add(unit, new, now)
        await enrolment.ask_client(unit, world.demo.app.content, Practice("Alder House"), client, lena, now)
    await world.demo.app.settle()
    await world.client.says("2")
    world.client.hears("Lena won't use this program")
    (consent,) = await world.rows(ConsentRow)
    assert (consent.given_at, consent.refused_at is not None) == (None, True)


async def test_what_was_told_when_joining_is_sealed(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await agrees(nadia, code)
    for answer in ("US", "Boise", "9 am", "208 555 0142", "12 Elm Street"):
        await nadia.says(answer)
    row = await row_of(world, "nadia")
    assert b"2085550142" not in bytes(row.number_sealed or b"")
    assert b"Elm" not in bytes(row.place_sealed or b"")
    async with world.store.read() as unit:
        hashes = set(await unit.session.scalars(select(InviteRow.code_hash)))
    assert code.replace("-", "") not in hashes
    assert await world.rows(AlertRow) == []
    assert all(message.status == "done" for message in await world.rows(InboundRow))


async def silent_for(world: World, someone: Someone, days: int) -> None:
    """As if they had not written for so long."""
    async with world.store.write() as unit:
        person = await people.by_key(unit, someone.key)
        assert person
        conversation = await conversations.of_person(unit, person.id)
        assert conversation
        conversation.last_heard = world.demo.clock.now() - timedelta(days=days)


@pytest.mark.channels("sms")
@pytest.mark.mission("M36")
async def test_a_number_that_was_silent_for_months_must_be_known_anew(world: World) -> None:
    await silent_for(world, world.client, 91)
    await world.client.says("who can i call")
    world.client.hears("Numbers change owners.*new code")
    world.client.does_not_hear("Maya", "Priya", "plan")
    world.staff.is_alerted(kind="human")
    await world.staff.says("1v")
    world.staff.hears("It may be somebody else by now", r"Phone: \S+ .may be somebody else by now")
    await world.client.says("i want to die")
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(danger="suicide", level="definite")
    async with world.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        code = await joining.invite(unit, maya, world.demo.clock.now())
    await world.client.says(code)
    await world.staff.says("2v")
    await world.staff.says("2c phoned her, it is her number")
    await world.client.says("who can i call")
    world.client.does_not_hear("Numbers change owners")


@pytest.mark.channels("telegram")
async def test_an_account_is_not_passed_on(world: World) -> None:
    await silent_for(world, world.client, 91)
    await world.client.says("who can i call")
    world.client.does_not_hear("Numbers change owners")
    world.staff.is_not_alerted(kind="human")


@pytest.mark.channels("sms")
async def test_a_number_that_was_silent_for_a_month_is_still_theirs(world: World) -> None:
    await silent_for(world, world.client, 30)
    await world.client.says("who can i call")
    world.client.does_not_hear("Numbers change owners")


async def test_who_asks_who_reads_before_agreeing_is_told(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await nadia.says(code)
    await nadia.says("wait, who can see this?")
    nadia.hears("team|interventionist|practice")
    assert len(nadia.new) == 2, "the answer, and the question again"
