"""Which skill is offered: by place, company and hour; by what helped this client; and better than by chance."""

from datetime import UTC, datetime, timedelta
from statistics import mean, stdev

import pytest

from benchmarks import choosing
from bot.content import Content
from bot.recovery.experience import Episode, helpful
from bot.recovery.plan import OwnSkill, Plan, Supporter, Trigger
from bot.recovery.situation import Beside, Need, Place, read_situation
from bot.recovery.skill import Skill, choose, possible

NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
PLAN = Plan(
    substances=("alcohol",),
    reasons=("For the garden.",),
    triggers=(Trigger(name="Payday", words=("paid",), skills=("play_the_tape", "Tea first", "call_someone")),),
    skills=(OwnSkill(name="Tea first", steps=("Kettle on.",)),),
    people=(Supporter(name="Ama", relation="aunt"),),
    after_lapse=("Ring Ama.",),
)


@pytest.fixture(scope="module")
def library(content: Content) -> tuple[Skill, ...]:
    return content.skills("en")


def first(library: tuple[Skill, ...], text: str, hour: int = 20, most: int = 6, level: int | None = 6) -> list[str]:
    """The keys that are offered to somebody without a plan who says this at that hour."""
    situation = read_situation(text, NOW.replace(hour=hour), level)
    return [skill.key for skill in choose(None, library, "", situation, (), NOW)[:most]]


@pytest.mark.parametrize(
    ("text", "hour", "key"),
    [
        ("on the bus", 18, "window_seat"),
        ("can't sleep, thoughts going round", 2, "tomorrow_list"),
        ("woke up craving, in bed", 6, "first_ten"),
        ("got paid today", 17, "payday"),
        ("so angry at him", 20, "cool_anger"),
        ("on my break, that rush stressed me out", 15, "break_reset"),
        ("my dealer texted me", 16, "block_number"),
        ("ran into my old crew, walking past the corner", 16, "keep_walking"),
        ("the kids are here", 17, "with_kids"),
        ("i'm driving past the store", 18, "pull_over"),
        ("at a party and they keep offering me one", 21, "no_thanks"),
        ("my back hurts, on the couch", 21, "pain_ease"),
        ("i miss my brother, a year since he died", 15, "grief_in_out"),
        ("i just drank and i'm so ashamed", 23, "after_slip"),
        ("want to bet on the game", 19, "past_the_game"),
        ("bills and debts, letters from the bank, at home", 11, "one_letter"),
        ("lonely, at home", 21, "call_someone"),
    ],
)
def test_what_is_offered_fits_what_was_said(library: tuple[Skill, ...], text: str, hour: int, key: str) -> None:
    assert key in first(library, text, hour, most=3)


@pytest.mark.parametrize("text", ["on a packed bus", "at this wedding, everyone's drinking", "my friends are here", ""])
@pytest.mark.parametrize("hour", [3, 6, 12, 20])
def test_whatever_is_said_there_are_six_that_can_be_done_there(
    library: tuple[Skill, ...], text: str, hour: int
) -> None:
    situation = read_situation(text, NOW.replace(hour=hour), 8)
    offered = choose(None, library, "", situation, (), NOW)[:6]
    assert all(possible(skill, situation) for skill in offered)
    assert all(situation.beside <= skill.fit.beside for skill in offered)


def test_in_company_nothing_is_offered_that_others_would_notice(library: tuple[Skill, ...]) -> None:
    offered = first(library, "at this party with my friends", most=10)
    assert not {"call_someone", "sit_in", "march", "walk_it_off"} & set(offered)


def test_at_night_nobody_is_sent_for_a_walk_and_whoever_is_ill_not_to_march(library: tuple[Skill, ...]) -> None:
    assert not {"walk_it_off", "march"} & set(first(library, "restless, nothing to do", hour=2, most=12))
    assert not {"walk_it_off", "march", "cold_water_reset"} & set(
        first(library, "bored, feeling sick", most=20, hour=15)
    )


def test_what_is_for_gamblers_is_offered_to_nobody_else(library: tuple[Skill, ...]) -> None:
    assert "gambling_wall" not in first(library, "bored at home", most=30)
    gambler = PLAN.model_copy(update={"substances": ("gambling",), "triggers": PLAN.triggers[:1]})
    offered = [skill.key for skill in choose(gambler, library, "", read_situation("bored"), (), NOW)]
    assert offered.index("gambling_wall") < offered.index("block_puzzle")


def test_a_skill_of_the_plan_that_cannot_be_done_here_gives_way(library: tuple[Skill, ...]) -> None:
    situation = read_situation("got paid, on a full bus", NOW)
    keys = [skill.key for skill in choose(PLAN, library, "got paid", situation, (), NOW)]
    assert keys[:2] == ["play_the_tape", "Tea first"]
    assert keys.index("call_someone") > 6


def uses(skill: str, fall: int, times: int, before: int = 7, hours_ago: float = 48) -> list[Episode]:
    return [
        Episode(skill, before, before - fall, NOW - timedelta(days=n, hours=hours_ago)) for n in range(times)
    ]  # fmt: skip


def offered(library: tuple[Skill, ...], past: list[Episode], trigger: str = "got paid") -> list[str]:
    return [skill.key for skill in choose(PLAN, library, trigger, read_situation(trigger, NOW), past, NOW)]


def test_the_plan_goes_first_until_something_has_clearly_helped_more(library: tuple[Skill, ...]) -> None:
    assert offered(library, [])[:3] == ["play_the_tape", "Tea first", "call_someone"]
    some = [*uses("sevens", 3, 3), *uses("play_the_tape", 2, 3)]
    assert set(offered(library, some)[:3]) == {"play_the_tape", "Tea first", "call_someone"}
    much = [*uses("payday", 5, 12), *uses("play_the_tape", 0, 8), *uses("Tea first", 1, 8), *uses("call_someone", 1, 8)]
    assert offered(library, much)[0] == "payday"


def test_the_plans_own_order_turns_where_one_of_its_skills_helps_more(library: tuple[Skill, ...]) -> None:
    past = [*uses("play_the_tape", 1, 6), *uses("Tea first", 4, 6)]
    assert offered(library, past)[0] == "Tea first"


def test_what_was_tried_today_without_effect_is_not_offered_first_again(library: tuple[Skill, ...]) -> None:
    assert offered(library, uses("play_the_tape", 0, 1, hours_ago=3))[0] == "Tea first"
    assert offered(library, uses("play_the_tape", 0, 1, hours_ago=40))[0] == "play_the_tape"


def test_what_made_it_worse_again_and_again_sinks_even_from_the_plan(library: tuple[Skill, ...]) -> None:
    assert "play_the_tape" not in offered(library, uses("play_the_tape", -1, 3))[:6]


# On simulated clients, whose luck is the same under each policy (benchmarks/choosing.py)

CLIENTS = 60


def more_than_by_chance(library: tuple[Skill, ...], spread: float, episodes: int) -> tuple[float, float]:
    """How much further cravings fall than with skills chosen at random, and the standard error of that."""
    chosen = choosing.mean_falls(choosing.ours, library, spread, CLIENTS, episodes)
    chance = choosing.mean_falls(choosing.at_random, library, spread, CLIENTS, episodes)
    more = [mine - theirs for mine, theirs in zip(chosen, chance, strict=True)]
    return mean(more), stdev(more) / CLIENTS**0.5


def test_where_skills_differ_cravings_fall_clearly_further_than_by_chance(library: tuple[Skill, ...]) -> None:
    more, error = more_than_by_chance(library, 1.0, 40)
    assert more > 0.3
    assert more > 4 * error


def test_where_no_skill_differs_nothing_is_lost(library: tuple[Skill, ...]) -> None:
    more, _ = more_than_by_chance(library, 0.0, 40)
    assert more > -0.05


def test_where_no_skill_differs_hardly_anyone_is_told_that_one_does(library: tuple[Skill, ...]) -> None:
    told = sum(
        bool(helpful(choosing.lived_through(choosing.ours, library, f"client {number}", 0.0, 60)))
        for number in range(CLIENTS)
    )
    assert told <= CLIENTS * 0.1


def test_it_goes_on_trying_others(library: tuple[Skill, ...]) -> None:
    past = choosing.lived_through(choosing.ours, library, "one", 1.0, 60)
    assert len({episode.skill for episode in past}) >= 8


def test_the_simulated_situations_are_of_many_kinds() -> None:
    situations = [read_situation(text) for text, _ in choosing.TOLD]
    assert {situation.place for situation in situations} >= {
        Place.HOME,
        Place.TRANSIT,
        Place.WORK,
        Place.OUT,
        Place.BED,
    }
    assert {who for situation in situations for who in situation.beside} == set(Beside)
    assert any(Need.STRENGTH in situation.lacking for situation in situations)
