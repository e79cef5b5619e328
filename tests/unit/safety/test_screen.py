"""Someone writes; the screen says what danger it sees, about whom, and how sure it is."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.safety.findings import Finding, Kind, Level, Net, Subject, by_urgency
from bot.safety.screen import Screen

MESSAGES = yaml.safe_load((Path(__file__).parent / "messages.yml").read_text(encoding="utf-8"))
DANGER = [
    (text, group["role"], group["kind"], group["level"], group["subject"])
    for group in MESSAGES["danger"]
    for text in group["messages"]
]
DEFINITE = [(text, role, kind, subject) for text, role, kind, level, subject in DANGER if level == "definite"]
NEAR = [str(text) for text in MESSAGES["near"]]
FILLER = "we walked along the river and the weather was nice today\n"
SCREEN_FIXTURE = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def seen(findings: tuple[Finding, ...]) -> set[tuple[str, str, str]]:
    return {(finding.kind.value, finding.level.value, finding.subject.value) for finding in findings}


def test_there_are_enough_messages_of_both_sorts() -> None:
    assert len(DANGER) >= 150
    assert len(NEAR) >= 150
    assert len({text for text, *_ in DANGER} | set(NEAR)) == len(DANGER) + len(NEAR)


@pytest.mark.parametrize(("text", "role", "kind", "level", "subject"), DANGER)
def test_danger_is_heard(screen: Screen, text: str, role: str, kind: str, level: str, subject: str) -> None:
    assert (kind, level, subject) in seen(screen.read(text, role=role))


@pytest.mark.parametrize("text", NEAR)
def test_what_only_sounds_like_danger_is_left_alone(screen: Screen, text: str) -> None:
    assert screen.read(text) == ()


def test_a_finding_explains_itself_in_the_writers_own_words(screen: Screen) -> None:
    (finding,) = screen.read("ok so.. I WANNA   d!e tonight")
    assert finding.kind is Kind.SUICIDE
    assert finding.net is Net.SCREEN
    assert finding.rule == "suicide.wish_to_die"
    assert finding.matched == "WANNA   d!e"


def test_the_most_urgent_comes_first_and_the_strongest_of_a_kind_stays() -> None:
    possible = Finding(Kind.OVERDOSE, Level.POSSIBLE, Net.SCREEN, "a", "x")
    harm = Finding(Kind.SELF_HARM, Level.DEFINITE, Net.SCREEN, "b", "x")
    suicide = Finding(Kind.SUICIDE, Level.DEFINITE, Net.MODEL, "c", "x")
    weaker = Finding(Kind.SUICIDE, Level.POSSIBLE, Net.SCREEN, "d", "x")
    other = Finding(Kind.SUICIDE, Level.DEFINITE, Net.SCREEN, "e", "x", Subject.OTHER)
    assert by_urgency([weaker, possible, harm, other, suicide]) == (suicide, other, harm, possible)


@pytest.mark.parametrize(
    ("earlier", "text", "kind", "level"),
    [
        (["i have", "a whole bottle of pills"], "and im going to take them", "suicide", "definite"),
        (["i want"], "to die", "suicide", "definite"),
        (["i just took"], "all my pills", "overdose", "definite"),
        (["i cant"], "do this anymore", "suicide", "possible"),
        (["hey", "im really"], "suicidal", "suicide", "definite"),
        (["he is hitting"], "me", "violence", "definite"),
        (["im drunk and"], "driving home", "impaired", "definite"),
    ],
)
def test_a_sentence_split_over_several_texts_is_heard(
    screen: Screen, earlier: list[str], text: str, kind: str, level: str
) -> None:
    found = {(finding.kind.value, finding.level.value) for finding in screen.read(text, earlier=earlier)}
    assert (kind, level) in found


def test_the_person_named_in_the_text_before_is_the_one_in_danger(screen: Screen) -> None:
    (finding,) = screen.read("has bad chest pains", earlier=["my mom"])
    assert finding.subject is Subject.OTHER


def test_what_was_said_before_is_not_reported_again(screen: Screen) -> None:
    assert screen.read("thanks, talk later", earlier=["i want to die"]) == ()


@pytest.mark.parametrize("ending", ["never mind he was joking", "jk", "no im fine", "forget it jk"])
def test_taking_it_back_does_not_erase_a_plain_sentence_that_reaches_into_the_new_text(
    screen: Screen, ending: str
) -> None:
    found = screen.read(f"to die. {ending}", earlier=["i want"])
    assert ("suicide", "definite", "self") in seen(found)


def test_one_denial_does_not_hide_one_affirmation(screen: Screen) -> None:
    said = "I'm not suicidal, I don't want to die and I would never hurt anyone, but i took all my pills"
    assert ("overdose", "definite", "self") in seen(screen.read(said))


def test_a_relative_and_a_client_mean_different_people(screen: Screen) -> None:
    assert screen.read("not breathing", role="family")[0].subject is Subject.OTHER
    assert screen.read("bad chest pain", role="family")[0].subject is Subject.OTHER
    assert screen.read("bad chest pain", role="client")[0].subject is Subject.SELF
    assert screen.read("my chest hurts", role="family")[0].subject is Subject.SELF


def test_a_screen_without_rules_finds_nothing() -> None:
    assert Screen([]).read("I want to die") == ()


@pytest.mark.parametrize(
    "written",
    [
        "I WANT TO DIE",
        "ｉ ｗａｎｔ ｔｏ ｄｉｅ",
        "i w\u200ba\u200cn\u200dt to d\u2060ie",
        "i waaaant to diiiiie",
        "і wаnt tо dіе",  # Cyrillic look-alikes
        "i wan\u0301\u0302\u0303t to d\u0336i\u0336e\u0336",
        "i want to d1e",
        "i want to d!e",
        "i want to d*e",
        "i w a n t t o d i e",
        "i want to d.i.e.",
        "i-want-to-die",
        "i_want_to_die",
        "#iwanttodie",
        "i. want. to. die.",
        "i want\nto\ndie",
        "ⓘ ⓦⓐⓝⓣ ⓣⓞ ⓓⓘⓔ",
        "\u202ei want to die\u202c",
        "i\x00 want to die\ud800",
        "<b>i want to die</b>",
        "'; DROP TABLE--i want to die",
        "/restart i want to die",
    ],
)
def test_disguises_do_not_help(screen: Screen, written: str) -> None:
    assert ("suicide", "definite", "self") in seen(screen.read(written))


@SCREEN_FIXTURE
@given(
    text=st.text(st.characters(exclude_categories=())),
    role=st.sampled_from(["client", "family", "staff"]),
)
def test_it_never_raises_and_always_says_the_same(screen: Screen, text: str, role: str) -> None:
    assert screen.read(text, role=role) == screen.read(text, role=role)


@SCREEN_FIXTURE
@given(earlier=st.lists(st.text(), max_size=12), text=st.text())
def test_earlier_texts_never_make_it_raise(screen: Screen, earlier: list[str], text: str) -> None:
    screen.read(text, earlier=earlier)


@SCREEN_FIXTURE
@given(case=st.sampled_from(DEFINITE), before=st.integers(0, 300), after=st.integers(0, 300))
def test_danger_anywhere_in_a_long_text_is_found(
    screen: Screen, case: tuple[str, str, str, str], before: int, after: int
) -> None:
    text, role, kind, _ = case
    found = screen.read(f"{FILLER * before}{text}\n{FILLER * after}", role=role)
    assert (kind, "definite") in {(each.kind.value, each.level.value) for each in found}


@SCREEN_FIXTURE
@given(case=st.sampled_from(DANGER), data=st.data())
def test_case_width_and_invisible_characters_change_nothing(
    screen: Screen, case: tuple[str, str, str, str, str], data: st.DataObject
) -> None:
    text, role, *_ = case
    signs = []
    for sign in text:
        change = data.draw(st.sampled_from(["none", "upper", "wide", "zero"]))
        if change == "upper" and sign.isascii():
            sign = sign.upper()
        elif change == "wide" and sign.isascii() and sign.isalpha():
            sign = chr(ord(sign) + 0xFEE0)
        elif change == "zero" and sign.isalpha():
            sign = f"{sign}\u200d"
        signs.append(sign)
    assert seen(screen.read("".join(signs), role=role)) == seen(screen.read(text, role=role))


@SCREEN_FIXTURE
@given(data=st.data())
def test_repeated_letters_change_nothing(screen: Screen, data: st.DataObject) -> None:
    text = data.draw(
        st.sampled_from(["i want to die", "kill myself tonight", "he wont wake up", "i took all my pills"])
    )
    places = data.draw(st.sets(st.integers(0, len(text) - 1), max_size=3))
    written = "".join(sign * 4 if place in places and sign.isalpha() else sign for place, sign in enumerate(text))
    assert seen(screen.read(written)) == seen(screen.read(text))


@SCREEN_FIXTURE
@given(
    case=st.sampled_from(DEFINITE),
    denial=st.sampled_from(
        [
            "I'm not suicidal",
            "I don't want to die",
            "no im fine",
            "never mind",
            "just kidding",
            "forget i said that",
            "that was years ago",
            "it was only a dream",
            "i'd never do it",
        ]
    ),
    between=st.sampled_from([". ", "\n", "!! ", "? "]),
)
def test_a_denial_afterwards_never_removes_what_was_plain(
    screen: Screen, case: tuple[str, str, str, str], denial: str, between: str
) -> None:
    text, role, kind, subject = case
    assert (kind, "definite", subject) in seen(screen.read(f"{text}{between}{denial}", role=role))


@pytest.mark.parametrize(
    "poison",
    [
        "",
        "\x00",
        "\ud800\udfff",
        "a" * 1_000_000,
        "😂" * 300_000,
        "(" * 300_000,
        "a\u0301" * 200_000,
        "\u200b" * 300_000,
        "not " * 100_000,
        "\u202e" * 1000,
    ],
    ids=["empty", "nul", "surrogates", "one word", "emoji", "brackets", "marks", "zero width", "not", "bidi"],
)
def test_poison_is_read_and_harmless(screen: Screen, poison: str) -> None:
    assert screen.read(poison) == ()
    assert ("suicide", "definite", "self") in seen(screen.read(f"{poison}. i want to die"))


@pytest.mark.parametrize(
    ("earlier", "text"),
    [
        (("i'm so sad today", "i just miss my mom"), "everything feels grey and heavy"),
        (("can we do the breathing one", "ok"), "enough"),
    ],
)
def test_weak_signs_in_two_messages_are_two_subjects(screen: Screen, earlier: tuple[str, ...], text: str) -> None:
    assert seen(screen.read(text, earlier=earlier)) == seen(())
    assert screen.read(text) == ()
