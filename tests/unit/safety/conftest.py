"""The screen with all shipped rules, loaded once."""

from pathlib import Path

import pytest

from bot.safety.rules import Rule, load_rules
from bot.safety.screen import Screen

RULES = Path(__file__).parents[3] / "content" / "safety" / "rules"


@pytest.fixture(scope="session")
def rules() -> tuple[Rule, ...]:
    return load_rules(RULES)


@pytest.fixture(scope="session")
def screen(rules: tuple[Rule, ...]) -> Screen:
    return Screen(rules)
