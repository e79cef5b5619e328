"""Levels, sleep, yes and no, corrections: as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recovery import scales
from bot.recovery.scales import Sleep, asks_for_person

CRAVINGS = [
    ("7", 7), ("0", 0), ("10", 10), (" 4 ", 4), ("7/10", 7), ("7 / 10", 7), ("8 out of 10", 8), ("8 outta 10", 8),
    ("like a 9", 9), ("its a 6 i guess", 6), ("maybe 5?", 5), ("5ish", 5), ("about a six", 6), ("seven", 7),
    ("Seven.", 7), ("a solid eight", 8), ("7.5", 8), ("7,5", 8), ("6.2", 6), ("7-8", 8), ("7 or 8", 8),
    ("between 4 and 5", 4), ("6 to 7", 7), ("pretty bad, like a 7", 7), ("craving is maybe a 6", 6), ("a strong 9!!", 9),
    ("ten", 10), ("TEN", 10), ("11/10 lol", None), ("15", None), ("-3", None), ("1000", None), ("100", None),
    ("none", 0), ("nope", 0), ("no", 0), ("nothing right now", 0), ("not at all", 0), ("nada", 0), ("zero", 0),
    ("i'm not craving", 0), ("no cravings today", 0), ("dont have any", 0), ("barely", 2), ("hardly any", 2),
    ("not too bad", 2), ("a tiny bit", 2), ("low", 2), ("small", 2), ("a little", 3), ("a bit", 3), ("manageable", 3),
    ("kinda", None), ("sort of", 3), ("medium", 5), ("so-so", 5), ("meh", 5), ("in the middle", 5), ("average", 5),
    ("bad", 7), ("pretty bad", 7), ("really bad", 8), ("so strong", 8), ("super intense", 8), ("a lot", 8), ("so much", 8),
    ("off the charts", 10), ("through the roof", 10), ("unbearable", 10), ("worst ever", 10), ("overwhelming", 10),
    ("banana", None), ("idk", None), ("", None), ("?", None), ("asdf", None), ("what do you mean", None),
    ("8, woke up at 3am with it", 8), ("6 since 9:30 this morning", 6), ("had 3 beers", None), ("100 days sober", None),
    ("started 20 minutes ago", None), ("6, no 4", 4), ("6 no wait 4", 4), ("sorry, I meant 4", 4),
    ("i meant 4 not 6", 4), ("not a 6, a 4", 4), ("*4", 4),
]  # fmt: skip
MOODS = [
    ("6", 6), ("okay i guess", 5), ("ok", 5), ("fine", 6), ("not bad", 6), ("not so bad today", 6), ("alright", 6),
    ("decent", 6), ("not great", 3), ("not good", 3), ("isn't good", 3), ("bad", 3), ("really bad", 2), ("so low", 2),
    ("down", 3), ("sad", 3), ("very sad", 2), ("lonely", 3), ("depressed", 3), ("anxious af", 3), ("terrible", 1),
    ("horrible", 1), ("like shit", 1), ("rock bottom", 1), ("awful", 1), ("meh", 5), ("up and down", 5), ("mixed", 5),
    ("good", 7), ("pretty good", 9), ("great", 9), ("amazing", 9), ("happy", 7), ("really happy", 9), ("better", 7),
    ("calm", 7), ("3, kind of flat", 3), ("4 maybe", 4), ("ask my cat", None), ("15", None), ("", None),
]  # fmt: skip
SLEEPS = [
    ("5 hours", Sleep(hours=5)), ("5h", Sleep(hours=5)), ("6 hrs", Sleep(hours=6)), ("like 7 hours", Sleep(hours=7)),
    ("6.5 hours", Sleep(hours=6.5)), ("6 and a half hours", Sleep(hours=6.5)), ("six hours", Sleep(hours=6)),
    ("slept maybe five hours", Sleep(hours=5)), ("seven and a half hours", Sleep(hours=7.5)),
    ("like 5 hours, woke up a lot", Sleep(hours=5)), ("8", Sleep(quality=8)), ("badly", Sleep(quality=3)),
    ("didn't sleep", Sleep(quality=0)), ("up all night", Sleep(quality=0)), ("not at all", Sleep(quality=0)),
    ("like a log", Sleep(quality=9)), ("like a baby", Sleep(quality=9)), ("ok", Sleep(quality=5)),
    ("tossed and turned", Sleep(quality=3)), ("slept like crap", Sleep(quality=1)), ("really well", Sleep(quality=9)),
    ("couldn't sleep", Sleep(quality=0)), ("restless", Sleep(quality=3)), ("fine", Sleep(quality=6)),
    ("4hrs", Sleep(hours=4)), ("10 hours", Sleep(hours=10)), ("40 hours", None), ("purple", None), ("", None),
]  # fmt: skip
YES_NO = [
    ("yes", True), ("Yes.", True), ("y", True), ("yeah", True), ("yea i did", True), ("yep", True), ("yup", True),
    ("sure", True), ("of course", True), ("i did", True), ("i do", True), ("afraid so", True), ("unfortunately yes", True),
    ("kind of", True), ("sort of", True), ("a bit", True), ("sí", True), ("1", True), ("no", False), ("No!", False),
    ("nope", False), ("nah", False), ("n", False), ("not really", False), ("not yet", False), ("never", False),
    ("i didn't", False), ("I haven’t", False), ("nobody", False), ("no one", False), ("nothing", False), ("2", False),
    ("no thank you", False), ("not today", False), ("banana", None), ("", None), ("what?", None), ("purple rain", None),
    ("3", None), ("depends", None),
]  # fmt: skip
USED = [
    ("no", False), ("clean", False), ("sober", False), ("stayed sober", False), ("didn't use", False),
    ("I did not drink", False), ("haven't touched it", False), ("no, nothing. 101 days", False), ("nothing", False),
    ("yes", True), ("i drank", True), ("yeah i drank", True), ("used once", True), ("slipped", True), ("had a few", True),
    ("i messed up", True), ("gave in", True), ("gambled", True), ("7 hours", None), ("maybe", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "level"), CRAVINGS)
def test_a_craving_is_read_in_digits_and_words(text: str, level: int | None) -> None:
    assert scales.read_craving(text) == level


@pytest.mark.parametrize(("text", "level"), MOODS)
def test_a_mood_is_read_in_digits_and_words(text: str, level: int | None) -> None:
    assert scales.read_mood(text) == level


@pytest.mark.parametrize(("text", "sleep"), SLEEPS)
def test_sleep_is_hours_or_a_quality(text: str, sleep: Sleep | None) -> None:
    assert scales.read_sleep(text) == sleep


@pytest.mark.parametrize(("text", "answer"), YES_NO)
def test_yes_and_no(text: str, answer: bool | None) -> None:
    assert scales.read_yes_no(text) is answer


@pytest.mark.parametrize(("text", "used"), USED)
def test_used_or_not(text: str, used: bool | None) -> None:
    assert scales.read_used(text) is used


@pytest.mark.parametrize(
    ("text", "takes_back", "about"),
    [
        ("sorry, I meant 4", True, None),
        ("oops 6", True, None),
        ("wait no, 3", True, None),
        ("actually mood is 5", True, "mood"),
        ("i mean sleep was 7 hours", True, "sleep"),
        ("*4", True, None),
        ("make that a 5", True, None),
        ("the craving should be 2", True, "craving"),
        ("actually i did drink", True, "used"),
        ("7", False, None),
        ("mood 6", False, "mood"),
        ("craving 2 mood 6", False, None),
        ("i slept badly", False, "sleep"),
    ],
)
def test_corrections_and_what_they_are_about(text: str, takes_back: bool, about: str | None) -> None:
    assert (scales.is_correction(text), scales.about(text)) == (takes_back, about)


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("craving 2 mood 6 slept 7h didn't use",
         {"craving": 2, "mood": 6, "sleep": Sleep(hours=7), "used": False}),
        ("craving is a 3, mood about 5", {"craving": 3, "mood": 5}),
        ("2 6 7 no", {"craving": 2, "mood": 6, "sleep": Sleep(quality=7), "used": False}),
        ("2, 6, 7", {"craving": 2, "mood": 6, "sleep": Sleep(quality=7)}),
        ("mood ok, slept 5 hours, sober", {"mood": 5, "sleep": Sleep(hours=5), "used": False}),
        ("7", {}),
        ("7/10", {}),
        ("pretty bad, like a 7", {}),
        ("8 or 9", {}),
    ],
)  # fmt: skip
def test_several_answers_in_one_message(text: str, several: dict[str, object]) -> None:
    assert scales.read_several(text) == several


@pytest.mark.parametrize("text", ["15", "-3", "1000", "like 50", "100%", "11"])
def test_a_number_that_no_scale_has_is_told_apart_from_no_number(text: str) -> None:
    assert scales.read_number(text) is None
    assert scales.out_of_range(text)


@pytest.mark.parametrize("text", ["", "7", "none", "7.5", "a lot"])
def test_what_is_in_range_or_no_number_is_not_out_of_range(text: str) -> None:
    assert not scales.out_of_range(text)


@given(st.text(max_size=200))
def test_no_text_ever_breaks_the_reading(text: str) -> None:
    for level in (scales.read_craving(text), scales.read_mood(text), scales.read_number(text)):
        assert level is None or 0 <= level <= 10
    sleep = scales.read_sleep(text)
    assert sleep is None or (sleep.quality is None) != (sleep.hours is None)
    assert sleep is None or sleep.hours is None or 0 <= sleep.hours <= 24.99
    assert scales.read_yes_no(text) in (True, False, None)
    assert scales.read_used(text) in (True, False, None)
    scales.read_several(text), scales.about(text), scales.is_correction(text), scales.out_of_range(text)


@given(st.integers(0, 10), st.sampled_from(["{}", "{}/10", "like a {}", "about {} i think", "craving {}", "It's {}."]))
def test_every_level_is_read_back_from_plain_wordings(level: int, wording: str) -> None:
    assert scales.read_craving(wording.format(level)) == level
    assert scales.read_mood(wording.format(level)) == level


@given(st.integers(0, 10), st.integers(0, 10))
def test_what_was_meant_counts_not_what_was_said_first(said: int, meant: int) -> None:
    assert scales.read_number(f"{said}, sorry i meant {meant}") == meant


@given(st.integers(11, 10_000_000))
def test_what_lies_above_the_scale_is_never_taken_for_a_level(number: int) -> None:
    assert scales.read_number(str(number)) is None
    assert scales.out_of_range(str(number))


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("i nearly made it a week then i drank", True),
        ("i wanted to stop but i used", True),
        ("i nearly drank, and then i drank", True),
        ("poured the vodka and drank it", True),
        ("i almost drank", False),
        ("poured the bottle out", False),
        ("define used", None),
    ],
)
def test_what_was_only_nearly_done_is_told_apart_from_what_was(text: str, used: bool | None) -> None:
    assert scales.read_used(text) is used


@pytest.mark.parametrize(
    "text",
    [
        "can i get a person please", "i need a real human", "person", "PERSON!", "let me talk to someone on the team",
        "can somebody call me", "anyone there?", "quiero hablar con alguien", "puedo hablar con una persona",
    ],
)  # fmt: skip
def test_who_wants_a_person_is_heard_without_the_engine(text: str) -> None:
    assert asks_for_person(text)


@pytest.mark.parametrize(
    "text", ["i have someone to talk to", "my sister is a good person", "i got a human moment today"]
)
def test_who_speaks_of_people_is_not_asking_for_one(text: str) -> None:
    assert not asks_for_person(text)
