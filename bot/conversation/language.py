"""Which language a message is written in: English, Spanish, or another one that Handrail does not know."""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

OTHER = "other"
KNOWN = ("en", "es")
# Told apart as well, so that Portuguese is not taken for Spanish.
_NEIGHBOURS = ("fr", "pt", "de", "it")
_SURE = 0.9
_A_FEW_WORDS = 3
_WORD = re.compile(r"[^\W\d_]+")
_SPANISH_SIGN = re.compile(r"[¿¡ñÑ]|^\W*(?:hola|buenas|buenos d[ií]as)\b", re.IGNORECASE)
_LIKELY = 0.75


@cache
def identifier() -> LanguageIdentifier:
    """What tells languages apart; loading it takes most of a second, so a service does that before anybody waits."""
    told: LanguageIdentifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    told.set_languages([*KNOWN, *_NEIGHBOURS])
    return told


def language_of(text: str, usual: str) -> str:
    """The language of a text as "en", "es" or "other"; in doubt the ``usual`` one of whoever wrote it.

    One or two words are theirs unless it is plain that they are not: "no", "8", "ok" belong to every language.
    """
    words = len(_WORD.findall(text))
    if not words:
        return usual
    if _SPANISH_SIGN.search(text):
        return "es"
    found, sure = identifier().classify(text)
    if found in KNOWN:
        return found if sure >= (_LIKELY if words >= _A_FEW_WORDS else _SURE) else usual
    return OTHER if sure >= _SURE and words >= _A_FEW_WORDS else usual
