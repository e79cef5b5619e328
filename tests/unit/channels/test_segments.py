"""What a text costs as SMS: the alphabet, the units, and the borders between segments."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.channels.segments import Fit, fit, to_gsm

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
# Letters, extension characters, what is mapped in both ways, accents apart, surrogate pairs.
MIXED = st.text(st.sampled_from("ae\u0301\u0303 €{[á✓’“…→—•\u00a0\u200b\u200e\ufb01\u200d\U0001f600\n"), max_size=400)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Fit("GSM-7", 0, 1)),
        ("a" * 160, Fit("GSM-7", 160, 1)),
        ("a" * 161, Fit("GSM-7", 161, 2)),
        ("a" * 306, Fit("GSM-7", 306, 2)),
        ("a" * 307, Fit("GSM-7", 307, 3)),
        ("€" * 80, Fit("GSM-7", 160, 1)),
        ("€" * 81, Fit("GSM-7", 162, 2)),
        ("a" * 158 + "€", Fit("GSM-7", 160, 1)),
        ("a" * 159 + "€", Fit("GSM-7", 161, 2)),
        ("á" * 70, Fit("UCS-2", 70, 1)),
        ("á" * 71, Fit("UCS-2", 71, 2)),
        ("á" * 134, Fit("UCS-2", 134, 2)),
        ("á" * 135, Fit("UCS-2", 135, 3)),
        ("\U0001f600" * 35, Fit("UCS-2", 70, 1)),
        ("\U0001f600" * 36, Fit("UCS-2", 72, 2)),
        ("á€", Fit("UCS-2", 2, 1)),
        (FAMILY, Fit("UCS-2", 8, 1)),
    ],
    ids=repr,
)
def test_a_text_is_counted_as_it_goes_out(text: str, expected: Fit) -> None:
    assert fit(text) == expected


def test_an_escape_pair_is_not_split_over_a_border() -> None:
    # 306 units would fill two segments; the euro that would straddle the border moves on, and one unit is lost.
    assert fit("a" * 152 + "€" + "a" * 152) == Fit("GSM-7", 306, 3)
    assert fit("a" * 151 + "€" + "a" * 153) == Fit("GSM-7", 306, 2)


def test_a_surrogate_pair_is_not_split_over_a_border() -> None:
    assert fit("á" * 66 + "\U0001f600" + "á" * 66) == Fit("UCS-2", 134, 3)
    assert fit("á" * 65 + "\U0001f600" + "á" * 67) == Fit("UCS-2", 134, 2)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("I\u2019m here \u2013 \u201cgo on\u201d\u2026", 'I\'m here - "go on"...'),
        ("\u2022\u00a0water\n\u2022\u2009walk", "- water\n- walk"),
        ("home \u2192 work", "home -> work"),
        ("\u00abs\u00ec\u00bb", '"sì"'),
        ("it`s", "it's"),
        ("+1\u2011555", "+1-555"),
        ("\u202a+1555\u202c", "+1555"),
        ("Jose\u0301 y Andre\u0301s", "José y Andrés"),
        ("a\u2028b\tc", "a\nb c"),
    ],
)
def test_typography_becomes_what_a_phone_has(written: str, sent: str) -> None:
    assert to_gsm(written) == sent
    assert fit(sent).encoding == "GSM-7"


@pytest.mark.parametrize("text", ["àéèìòùñüöäåøæß¿¡ÑÉÜÄÖÅØÆÇ", "Δ€[]{}~|^\\", "plain, as typed.\r\n"])
def test_what_gsm_has_is_kept(text: str) -> None:
    assert to_gsm(text) == text
    assert fit(text).encoding == "GSM-7"


@pytest.mark.parametrize(
    "text", ["¿Cómo estás?", "así, ú, í, Á", "łódź", "привет", "2½ mg, 1·5", "ça va", FAMILY, "می\u200cخواهم"]
)
def test_other_letters_are_never_touched(text: str) -> None:
    assert to_gsm(text) == text
    assert fit(text).encoding == "UCS-2"


def test_a_spanish_text_keeps_its_accents_and_its_length() -> None:
    # Three dots for one would cost a second segment here and gain nothing.
    written = "Estás aquí\u2026" + "a" * 59
    assert fit(written) == Fit("UCS-2", 70, 1)
    assert to_gsm(written) == written


@given(MIXED | st.text())
@example("\u2026" * 70)
@example("\u2026" * 53)
def test_a_second_time_changes_nothing(text: str) -> None:
    once = to_gsm(text)
    assert to_gsm(once) == once


@given(MIXED | st.text())
@example("\u2026" * 70)
@example("{" * 69 + "\u2019")
def test_it_never_costs_more(text: str) -> None:
    before, after = fit(text), fit(to_gsm(text))
    assert after.segments <= before.segments
    assert before.encoding == "UCS-2" or after.encoding == "GSM-7"


@given(MIXED | st.text())
def test_no_letter_is_dropped(text: str) -> None:
    def letters(words: str) -> int:
        return sum(char.isalpha() for char in words)

    assert letters(to_gsm(text)) >= letters(text)


@given(MIXED | st.text())
def test_segments_hold_what_they_are_said_to_hold(text: str) -> None:
    found = fit(text)
    alone, part = (160, 153) if found.encoding == "GSM-7" else (70, 67)
    assert found.segments >= 1
    assert (found.segments == 1) == (found.units <= alone)
    if found.segments > 1:
        # At most one unit of each segment but the last is lost at a border.
        assert (found.segments - 1) * (part - 1) < found.units <= found.segments * part
