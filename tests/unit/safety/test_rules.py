"""Every rule keeps its own promises, and a broken rule file is refused with words that help."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bot.safety.findings import Kind
from bot.safety.rules import Rule, RulesError, load_rules
from bot.safety.screen import Screen

RULES = Path(__file__).parents[3] / "content" / "safety" / "rules"
LOADED = load_rules(RULES)


def test_every_kind_has_rules_and_there_are_enough() -> None:
    count = Counter(rule.kind for rule in LOADED)
    assert set(count) == set(Kind)
    assert len(LOADED) >= 60


@pytest.mark.parametrize("rule", LOADED, ids=lambda rule: rule.id)
def test_a_rule_catches_what_it_says_and_leaves_the_rest(rule: Rule) -> None:
    alone = Screen([replace(rule, patterns=(*rule.patterns, *rule.weak), weak=())])
    for example in rule.yes:
        found = alone.read(example.text, role=example.role, earlier=example.earlier)
        assert [finding.rule for finding in found] == [rule.id], example.text
    for example in rule.no:
        assert alone.read(example.text, role=example.role, earlier=example.earlier) == (), example.text


@pytest.mark.parametrize("rule", LOADED, ids=lambda rule: rule.id)
def test_a_rule_says_in_a_sentence_why_it_means_danger(rule: Rule) -> None:
    assert rule.reason.endswith(".")
    assert len(rule.reason.split()) >= 5


def written(folder: Path, rule: str) -> Path:
    (folder / "words.yml").write_text((RULES / "words.yml").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "suicide.yml").write_text(f"kind: suicide\nrules:\n{rule}", encoding="utf-8")
    return folder


GOOD = """\
  - id: suicide.test
    level: definite
    subject: self
    reason: A rule for this test.
    patterns: [want to die]
    yes: [i want to die, want to die]
    no: [hello, goodbye]
"""


def test_a_good_rule_loads(tmp_path: Path) -> None:
    (rule,) = load_rules(written(tmp_path, GOOD))
    assert rule.id == "suicide.test"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("level: definite", "level: sure", "suicide.test.*sure"),
        ("subject: self", "subject: me", "suicide.test.*me"),
        ("suicide.test", "violence.test", "must start with suicide"),
        ("[want to die]", '["(want to die"]', "suicide.test.*missing"),
        ("[want to die]", '["$nothing here"]', "no word class"),
        ("[want to die]", '["NUM7+ pills"]', "no step"),
        ("[want to die]", '[".."]', "nothing that must be there"),
        ("[hello, goodbye]", "[hello]", "at least 2"),
        ("reason: A rule", "colour: red\n    reason: A rule", "unknown key colour"),
        ("    patterns: [want to die]\n", "", "neither patterns nor together"),
        ("yes:", "unless: {raining: cancel}\n    yes:", "raining"),
        ("yes:", "weak: [goodbye]\n    yes:", "weak cannot be definite"),
    ],
)
def test_a_bad_rule_is_refused_by_name(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(RulesError, match=f"suicide.yml.*{complaint}"):
        load_rules(written(tmp_path, GOOD.replace(old, new)))


def test_every_pattern_can_be_compiled_though_most_wait_until_they_are_needed() -> None:
    for rule in LOADED:
        for pattern in (*rule.patterns, *rule.weak, *rule.exceptions, *rule.elsewhere):
            assert pattern.expression.pattern == pattern.regex


def test_two_signs_count_together_in_either_order_and_across_sentences(tmp_path: Path) -> None:
    signs = GOOD.replace("patterns: [want to die]", "together: [[rope, goodbye]]").replace(
        "[i want to die, want to die]", "[rope and goodbye, 'goodbye. i have no rope']"
    )
    (rule,) = load_rules(written(tmp_path, signs))
    screen = Screen([rule])
    assert screen.read("the rope is not here. goodbye")
    assert screen.read("goodbye all, there is the rope")
    assert not screen.read("the rope")


def test_words_elsewhere_in_the_sentence_take_a_match_back_but_not_in_the_next(tmp_path: Path) -> None:
    (rule,) = load_rules(written(tmp_path, GOOD.replace("    yes:", "    elsewhere: [(halloween)]\n    yes:")))
    screen = Screen([rule])
    assert not screen.read("for halloween they want to die as ghosts")
    assert screen.read("they want to die. nice halloween")


def test_a_weak_sign_counts_only_beside_what_another_rule_sees(tmp_path: Path) -> None:
    weak = GOOD.replace("definite", "possible").replace("patterns: [want to die]", "weak: [goodbye, [rope, garage]]")
    other = weak.replace("suicide.test", "suicide.other").replace("weak: [goodbye, [rope, garage]]", "weak: [pills]")
    plain = GOOD.replace("suicide.test", "suicide.plain")
    screen = Screen(load_rules(written(tmp_path, weak + other + plain)))
    assert not screen.read("goodbye")
    assert not screen.read("goodbye. the rope is in the garage")
    assert [each.rule for each in screen.read("goodbye. here are my pills")] == ["suicide.test"]
    assert [each.rule for each in screen.read("the rope in the garage, and pills")] == ["suicide.test"]
    assert [each.rule for each in screen.read("goodbye. i want to die")] == ["suicide.plain"]
    assert not screen.read("goodbye", earlier=["here are my pills"])
    assert [each.rule for each in screen.read("goodbye", alone=True)] == ["suicide.test"], "nobody else would ask"


def test_the_same_id_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="more than one"):
        load_rules(written(tmp_path, GOOD + GOOD))


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"words\.yml"):
        load_rules(tmp_path)


def test_rules_loaded_apart_do_not_mix(tmp_path: Path) -> None:
    (stranger,) = load_rules(written(tmp_path, GOOD))
    with pytest.raises(ValueError, match="loaded together"):
        Screen([LOADED[0], stranger])
