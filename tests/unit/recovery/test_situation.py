"""Where someone is and with whom, heard from their own words; what is not said stays unknown."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recovery.situation import ANYWHERE, Beside, Need, Part, Place, Topic, part_of_day, read_situation


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("im on the bus home and its full", Place.TRANSIT),
        ("on the train", Place.TRANSIT),
        ("in bed, can't sleep", Place.BED),
        ("I'm at work and the boss is at it again", Place.WORK),
        ("on my break, 5 minutes", Place.WORK),
        ("at this wedding and everyone is drinking", Place.OUT),
        ("standing in the liquor store", Place.OUT),
        ("sitting home alone", Place.HOME),
        ("on the couch with nothing to do", Place.HOME),
        ("walking home past the corner", Place.OUTSIDE),
        ("i'm not at home", None),
        ("craving 7", None),
        ("my mother called", None),
        ("", None),
    ],
)
def test_the_place_is_heard_where_it_is_said(text: str, place: Place | None) -> None:
    assert read_situation(text).place == place


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("on the bus", {Beside.PEOPLE}),
        ("my friends are here", {Beside.PEOPLE}),
        ("the kids are asleep next door", {Beside.CHILDREN}),
        ("in front of my kids at a birthday", {Beside.CHILDREN, Beside.PEOPLE}),
        ("nobody's home", set()),
        ("empty apartment, lonely", set()),
        ("i'm not alone, my wife is here", {Beside.PEOPLE}),
        ("driving home past the bar", set()),
        ("i miss my kids", set()),
    ],
)
def test_who_is_there(text: str, beside: set[Beside]) -> None:
    assert read_situation(text).beside == beside


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("so angry i could scream", Topic.ANGER),
        ("bored out of my mind", Topic.BOREDOM),
        ("just got paid", Topic.MONEY),
        ("the game's on and i know the spread", Topic.GAMBLING),
        ("they keep offering me one", Topic.OFFER),
        ("my old dealer texted me", Topic.CONTACT),
        ("my back hurts like hell", Topic.PAIN),
        ("3am and can't sleep", Topic.SLEEP),
        ("so ashamed of last week", Topic.SHAME),
        ("i just drank, one beer", Topic.LAPSE),
        ("a year since she died", Topic.GRIEF),
        ("i'm driving past the store", Topic.DRIVING),
        ("panicking a bit, heart is racing", Topic.ANXIETY),
        ("my kids are here and it's too much", Topic.CHILDREN),
    ],
)
def test_what_it_is_about(text: str, topic: Topic) -> None:
    assert topic in read_situation(text).topics


def test_what_is_denied_is_not_heard() -> None:
    assert Topic.ANGER not in read_situation("i'm not angry").topics
    assert read_situation("there are no people around").beside == set()


def test_the_level_says_strong_or_mild() -> None:
    assert read_situation("", level=8).topics == {Topic.STRONG}
    assert read_situation("", level=3).topics == {Topic.MILD}
    assert read_situation("", level=5).topics == set()


@pytest.mark.parametrize("text", ["feeling sick and shaky", "i'm pregnant and craving", "my bad knee", "in withdrawal"])
def test_whoever_is_unwell_is_not_asked_to_move(text: str) -> None:
    assert Need.STRENGTH in read_situation(text).lacking


@pytest.mark.parametrize(
    ("hour", "part"),
    [(0, Part.NIGHT), (3, Part.NIGHT), (4, Part.EARLY), (9, Part.DAY), (17, Part.EVENING), (22, Part.NIGHT)],
)
def test_the_part_of_the_day(hour: int, part: Part) -> None:
    assert part_of_day(datetime(2026, 11, 26, hour, tzinfo=UTC)) is part


@given(st.text(max_size=400))
def test_any_text_can_be_read_and_nothing_is_known_of_an_empty_one(text: str) -> None:
    read_situation(text)
    assert read_situation("") == ANYWHERE
    assert not ANYWHERE.is_told
