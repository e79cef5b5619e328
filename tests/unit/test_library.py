"""The library of coping skills: complete, short enough for a phone and a text message, and with something for each hour."""

import pytest

from bot.channels.carriers import without_drugs
from bot.channels.segments import fit, to_gsm
from bot.content import Content, ContentError, Piece, load
from bot.recovery.situation import Place, Topic
from bot.recovery.skill import Evidence
from tests.conftest import HOME
from tests.readability import grade

FEWEST = 30
CHOICES = "\n1 Next\n2 Another one\n3 Enough"
AT_THE_OFFER = "\n1 Let's try\n2 Another one\n3 Enough"
OFFERS = (
    "Here's one: {name}. {intro} It takes about {minutes} minutes. Want to?",
    "You've written down what helps with this one. {name}: {intro} About {minutes} minutes. Want to?",
)
SKILLS = [piece for piece in load(HOME / "content").pieces.values() if piece.kind == "skill"]
# Their first step says for whom it is not, or when to call somebody.
SAFETY_FIRST = frozenset({"skill.cold_water_reset", "skill.ride_the_night", "skill.pain_ease", "skill.after_slip"})
each = pytest.mark.parametrize("piece", SKILLS, ids=lambda piece: piece.id)


def test_there_are_thirty_and_no_two_of_a_name() -> None:
    assert len(SKILLS) >= FEWEST
    assert len({piece.name.casefold() for piece in SKILLS}) == len(SKILLS)


@each
def test_a_skill_is_complete(piece: Piece, content: Content) -> None:
    assert piece.name
    assert piece.intro
    assert 4 <= len(piece.steps) <= 6
    assert 1 <= piece.minutes <= 60
    assert piece.fit.topics
    assert piece.fit.places
    assert piece.evidence
    assert set(piece.sources) <= set(content.sources)
    # What it is offered for alone is also what it is for.
    assert piece.fit.only <= piece.fit.topics | {Topic.LAPSE}
    assert not piece.fit.suits & piece.fit.not_at


@each
def test_a_step_is_read_at_a_glance(piece: Piece) -> None:
    assert all(len(step) <= 200 for step in piece.steps), [step for step in piece.steps if len(step) > 200]
    assert len(piece.intro) <= 120
    assert grade(" ".join((piece.intro, *piece.steps))) <= 7


@each
def test_by_text_message_a_step_is_one_segment_and_what_is_said_for_safety_two(piece: Piece) -> None:
    assert len(piece.short) == len(piece.steps)
    first, *further = (fit(to_gsm(step + CHOICES)).segments for step in piece.short)
    assert first <= (2 if piece.id in SAFETY_FIRST else 1), piece.short[0]
    assert set(further) == {1}, [step for step in piece.short if fit(to_gsm(step + CHOICES)).segments > 1]
    assert all(fit(to_gsm(step)).encoding == "GSM-7" for step in piece.short)
    assert not [step for step in (*piece.short, piece.intro, piece.name) if without_drugs(step) != step]


@each
def test_by_text_message_an_offer_is_two_segments_even_with_its_reason(piece: Piece, content: Content) -> None:
    reason = content.fill(content.piece("talk.skill_why").texts[0], "US", uses="12", fall="3.5", mostly="1.5")
    plain, planned = (
        to_gsm(offer.format(name=piece.name, intro=f"{piece.intro} {why}", minutes=piece.minutes) + AT_THE_OFFER)
        for offer, why in zip(OFFERS, (reason, content.piece("talk.skill_unnoticed").texts[0]), strict=True)
    )
    assert fit(plain).segments <= 2, len(plain)
    assert fit(planned).segments <= 2, len(planned)


@pytest.mark.parametrize("topic", Topic)
def test_there_is_something_for_everything_that_is_heard(topic: Topic) -> None:
    assert [piece for piece in SKILLS if topic in piece.fit.topics], topic


@pytest.mark.parametrize("place", Place)
def test_in_every_place_a_strong_craving_has_several_that_nobody_notices(place: Place) -> None:
    unnoticed = [
        piece
        for piece in SKILLS
        if place in piece.fit.places
        and piece.fit.beside
        and piece.fit.quiet
        and not piece.fit.needs
        and Topic.STRONG in piece.fit.topics
        and not piece.fit.only
    ]
    assert len(unnoticed) >= 3


def test_not_everything_claims_to_be_tested() -> None:
    assert {piece.evidence for piece in SKILLS} == set(Evidence)


def test_whoever_must_not_use_cold_water_is_told_before_the_first_drop(content: Content) -> None:
    piece = content.piece("skill.cold_water_reset")
    for first in (piece.steps[0], piece.short[0]):
        assert all(word in first for word in ("heart", "eating disorder", "faint", "used"))


def test_no_skill_holds_the_breath_or_pushes_the_body(content: Content) -> None:
    for piece in SKILLS:
        words = " ".join(piece.wordings()).casefold()
        assert "hold your breath" not in words.replace("don't hold your breath", "")
        assert not any(word in words for word in ("sprint", "push-up", "as hard as you can", "as fast as you can"))


def test_a_skill_that_lacks_something_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("content")
    (folder / "en").mkdir()
    (folder / "en" / "skills.yml").write_text(
        "kind: skill\npieces:\n  - {id: skill.nap, name: Nap, steps: [Lie down.], sources: [halt], where: [sofa]}\n"
    )
    with pytest.raises(ContentError, match=r"skill\.nap lacks for, beside, quiet, needs, evidence, intro, minutes"):
        load(folder)
