"""What of a text the engine is given."""

import pytest

from bot.conversation.engine import readable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/plan", "/ask_plan"),
        (" /Plan ", "/ask_plan"),
        ("/checkin", "/start_check_in"),
        ("/plan for tonight", "plan for tonight"),
        ("/ask_plan", "ask_plan"),
        ("/report_lapse", "report_lapse"),
        ("//restart", "restart"),
        ("my plan", "my plan"),
    ],
)
def test_only_our_own_commands_are_commands_to_the_engine(text: str, expected: str) -> None:
    assert readable(text) == expected
