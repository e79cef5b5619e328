"""When somebody wants to be asked, as they write it."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.recovery.check_in import Rhythm, spoken_days
from bot.recovery.rhythm import read_change, read_new_times, read_pause, read_snooze, read_travel

THURSDAY = date(2026, 11, 26)
NINE = Rhythm()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("pregúntame a las 8 en vez de las 9", "08:00"),
        ("mejor a las 7 de la tarde", "19:00"),
        ("can you text me at 8 instead of 9", "08:00"),
        ("change my check in to 6:30 pm please", "18:30"),
        ("ask me at noon", "12:00"),
        ("9 is too early, make it around 10", "10:00"),
        ("could we move it from 9 to 7 in the evening", "19:00"),
        ("instead of 9 am ask me at 11 am", "11:00"),
        ("not at 9, at 10 please", "10:00"),
        ("text me at 3 am", None),
        ("different time please", None),
        ("i'm at a 9 right now", None),
        ("for 3 days nothing please", None),
        ("craving is at 8/10", None),
    ],
)
def test_a_time_is_read_where_one_is_told(text: str, at: str | None) -> None:
    assert [f"{one:%H:%M}" for one in read_new_times(text)] == ([at] if at else [])


@pytest.mark.parametrize(
    ("text", "rhythm"),
    [
        ("could you ask me twice a day", "09:00 20:00"),
        ("i work from 9 to 5 so ask me at 6", "18:00"),
        ("my shift ends at 3 so ask me at 4", "16:00"),
        ("i have group every monday at 9, can you move it to 10", "10:00"),
        ("i've been sober for 3 days, ask me at 10", "10:00"),
        ("you asked me at 9 for two weeks now, can you move it to 10", "10:00"),
        ("on the weekend ask me at 11", "11:00"),
        ("i'm at 8 right now", "09:00"),
        ("twice a day please, at 8 and 7 pm", "08:00 19:00"),
        ("check on me at 10 am and 8:30 pm", "10:00 20:30"),
        ("morning and evening would help", "09:00 20:00"),
        ("only on weekdays", "09:00 mon tue wed thu fri"),
        ("no weekends please", "09:00 mon tue wed thu fri"),
        ("just mondays and thursdays", "09:00 mon thu"),
        ("only mon, wed and fri at 6 pm", "18:00 mon wed fri"),
        ("not on sundays", "09:00 mon tue wed thu fri sat"),
        ("entre semana nada más", "09:00 mon tue wed thu fri"),
        ("solo los lunes y jueves", "09:00 mon thu"),
        ("menos los domingos", "09:00 mon tue wed thu fri sat"),
        ("dos veces al día", "09:00 20:00"),
        ("the check in on monday was nice", "09:00"),
        ("i'm only asking", "09:00"),
    ],
)
def test_times_and_days_are_read(text: str, rhythm: str) -> None:
    assert str(read_change(text, NINE, THURSDAY).rhythm or NINE) == rhythm


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("once a day is enough", "08:00 20:30", "08:00"),
        ("every day again please", "09:00 mon tue", "09:00"),
        ("weekends too", "09:00 mon tue wed thu fri", "09:00"),
        ("make it 10 am and 6 pm", "09:00 mon tue", "09:00 mon tue"),
        ("make it at 10 am and 6 pm", "09:00 mon tue", "10:00 18:00 mon tue"),
    ],
)
def test_what_is_not_spoken_of_stays(text: str, before: str, after: str) -> None:
    now = Rhythm.parse(before)
    assert str(read_change(text, now, THURSDAY).rhythm or now) == after


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("i'm in denver this week so 9 is way too early", "America/Denver"),
        ("I moved to California, the check ins come at 6", "America/Los_Angeles"),
        ("staying in London until friday", "Europe/London"),
        ("we're back in Chicago now", "America/Chicago"),
        ("can you use pacific time", "America/Los_Angeles"),
        ("estoy en Madrid ahora", "Europe/Madrid"),
        ("i'm in a detox center now", None),
        ("moved to a new center", None),
        ("i'm in a hospital on Easter", None),
        ("i'm in a bad place", None),
        ("i'm in hell", None),
        ("be in touch", None),
        ("i'm in", None),
    ],
)
def test_a_place_is_read_as_its_clock(text: str, zone: str | None) -> None:
    assert read_travel(text) == zone


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("later", "12:00"),
        ("not now", "12:00"),
        ("in an hour", "11:00"),
        ("ask me in 30 minutes", "10:30"),
        ("busy, in half an hour?", "10:30"),
        ("ask me at 6", "18:00"),
        ("im driving, text me after work", "18:00"),
        ("tonight please", "20:00"),
        ("más tarde", "12:00"),
        ("en una hora", "11:00"),
        ("estoy ocupada, pregúntame a las 5 de la tarde", "17:00"),
        ("5", None),
        ("i used last night and will again tonight", None),
        ("i slept in 2 hour pieces and woke all the time", None),
        ("ask me at 8 instead from now on", None),
        ("ask me at 9 am", None),
        ("ask me in 14 hours", None),
        ("in 13 minutes i will have eaten", None),
        ("i'm in a good mood", None),
        ("busy day but ok", None),
        ("sorry im at work, can you ask me again at 6 pm please", "18:00"),
        ("not now. in 2 hours", "12:00"),
        ("i used tonight", None),
        ("i drank after work", None),
        ("drank this afternoon", None),
        ("yes i drank, will tell you more later", None),
        ("yes, at work", None),
        ("not yet", None),
        ("no, too busy lol", None),
        ("desde luego que no", None),
        ("9 it is really bad at work right now", None),
        ("strong, driving past the liquor store", None),
        ("bad. i might use later", None),
        ("i will relapse tonight", None),
        ("party tonight", None),
        ("can i talk to someone, i cant do this at work", None),
        ("ask someone to call me at 6", None),
        ("cant stop thinking about it, text me back in 5 min", None),
        ("8, i am at work", None),
        ("7 busy day", None),
        ("went to bed at 10, had to check on the baby", None),
        ("stop, busy", None),
        ("slept later than usual", None),
        ("long shift, was driving all night and my mood is somewhere around a four", None),
    ],
)
def test_later_on_the_same_day(text: str, until: str | None) -> None:
    zone = ZoneInfo("America/Chicago")
    now = datetime(2026, 11, 26, 10, 0, tzinfo=zone).astimezone(UTC)
    found = read_snooze(text, now, zone)
    assert (found and f"{found.astimezone(zone):%H:%M}") == until
    assert found is None or found.tzinfo is UTC


def test_nobody_is_asked_later_at_night_or_the_day_after() -> None:
    zone = ZoneInfo("America/Chicago")
    evening = datetime(2026, 11, 26, 20, 0, tzinfo=zone)
    assert read_snooze("later", evening, zone) is None
    assert read_snooze("in 5 hours", evening, zone) is None
    assert read_snooze("in 30 minutes", evening, zone) == evening.replace(minute=30)


def test_days_as_one_says_them() -> None:
    assert spoken_days(NINE.days) == "every day"
    assert spoken_days({"tue", "mon", "fri", "thu", "wed"}) == "on weekdays"
    assert spoken_days({"sat"}) == "on Saturdays"
    assert spoken_days({"fri", "mon", "wed"}) == "on Mondays, Wednesdays and Fridays"


@pytest.mark.parametrize("text", ["", "mon", "09:00 09:00", "09:00 10:00 11:00", "09:00 someday", "9", "25:00"])
def test_what_is_no_rhythm_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Rhythm.parse(text)


@pytest.mark.parametrize("text", ["09:00", "08:15 20:30", "09:00 mon fri", "08:00 19:00 sat sun"])
def test_a_rhythm_is_kept_as_it_is_written(text: str) -> None:
    assert str(Rhythm.parse(text)) == text
    assert time(23, 0) not in Rhythm.parse(text).times


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("no messages until monday", date(2026, 11, 30)),
        ("leave me alone till thursday", date(2026, 12, 3)),
        ("pause the check-ins for a week", date(2026, 12, 3)),
        ("nothing for 3 days", date(2026, 11, 29)),
        ("stop for a couple of weeks", date(2026, 12, 10)),
        ("pause until december 3", date(2026, 12, 3)),
        ("pause until the 3rd of december", date(2026, 12, 3)),
        ("no check in until jan 4", date(2027, 1, 4)),
        ("not this weekend", None),
        ("for a week", date(2026, 12, 3)),
        ("i've been sober for 3 days", None),
        ("nothing until maybe 10 am", None),
        ("hasta el lunes no me escribas", date(2026, 11, 30)),
        ("nada por 3 días", date(2026, 11, 29)),
        ("skip today please", date(2026, 11, 27)),
        ("until next week", date(2026, 11, 30)),
        ("pause until february 31", None),
        ("pause for 99 months", None),
        ("stop texting me so much", None),
        ("until i say so", None),
    ],
)
def test_a_pause_has_an_end(text: str, back: date | None) -> None:
    assert read_pause(text, THURSDAY) == back


def test_a_weekend_that_has_begun_or_is_next_may_be_left_out() -> None:
    friday = date(2026, 11, 27)
    assert read_pause("no check ins this weekend please", friday) == date(2026, 11, 30)
    assert read_pause("no check ins this weekend please", date(2026, 11, 23)) is None, "the week before is not meant"
