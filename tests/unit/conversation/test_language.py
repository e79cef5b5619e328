"""The language of a message."""

import pytest

from bot.conversation.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("i want a drink", "en"),
        ("tengo ganas de tomar", "es"),
        ("¿qué?", "es"),
        ("no me siento bien hoy", "es"),
        ("je voudrais parler à quelqu'un s'il vous plaît", "other"),
        ("ich brauche heute wirklich jemanden zum Reden", "other"),
        ("idk lol im ok", "en"),
    ],
)
def test_a_sentence_tells_its_language_whatever_is_usual(text: str, language: str) -> None:
    assert language_of(text, "en") == language


@pytest.mark.parametrize("text", ["8", "", "🙂", "no", "ok", "...", "haha", "sí"])
def test_what_belongs_to_every_language_is_the_writers_own(text: str) -> None:
    assert [language_of(text, usual) for usual in ("en", "es")] == ["en", "es"]


def test_english_from_someone_who_usually_writes_spanish_is_english() -> None:
    assert language_of("can you please call me tomorrow morning", "es") == "en"
