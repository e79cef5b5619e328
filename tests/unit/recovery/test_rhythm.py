"""When somebody wants to be asked, as they write it."""

from datetime import date

import pytest

from bot.recovery.rhythm import read_new_time, read_pause

THURSDAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("text", "at"),
    [
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
    assert read_new_time(text) == at


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
        ("not this weekend", date(2026, 11, 30)),
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
