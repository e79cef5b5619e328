"""Who asks for silence gets it; who writes about stopping, quitting and ending is heard instead."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recovery.opting_out import Wish, wish


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        '"STOP"',
        "\u201cstop\u201d",
        "Stop!!!",
        "stop \U0001f64f",
        "STOPALL",
        "stop all",
        "Stop-All",
        "UNSUBSCRIBE",
        "cancel",
        "END",
        "quit",
        "Quit.",
        "REVOKE",
        "optout",
        "OPT OUT",
        "opt-out",
        "Alto",
        "¡ALTO!",
        "parar",
        "BAJA",
        "stop please",
        "please stop",
        "Stop, thank you",
        "alto por favor",
        "\uff33\uff34\uff2f\uff30",
        "st\u200bop",
        "STOP. I took all my pills",
        "stop!!! i can't do this",
        "Stop\nI don't want to live",
        "STOP - i am done with this",
        "Opt out. Leave me be",
        "Alto. Ya no puedo más",
    ],
)
def test_on_a_phone_one_word_ends_the_messages(text: str) -> None:
    assert wish(text, keywords=True) is Wish.STOP


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("START", Wish.START),
        ("unstop", Wish.START),
        ("Yes.", Wish.YES),
        ("YES", Wish.YES),
        ("help", Wish.HELP),
        ("HELP!!", Wish.HELP),
        ("info", Wish.HELP),
        ("¿Ayuda?", Wish.HELP),
        ("sí", None),
        ("si", None),
        ("yes please", None),
        ("yes I used", None),
        ("start over", None),
        ("start!!! now", None),
        ("help me", None),
        ("help me quit", None),
        ("Help. I took all my pills", None),
        ("", None),
        ("?!", None),
    ],
)
def test_the_other_keywords_count_only_alone(text: str, expected: Wish | None) -> None:
    assert wish(text, keywords=True) is expected
    assert wish(text, keywords=False) is None


CLEAR = [
    "please stop texting me",
    "Stop texting me",
    "STOP TEXTING ME!!!",
    "stop fucking texting me",
    "quit messaging me already",
    "can you stop texting me?",
    "Could you please stop messaging me?",
    "I want you to stop texting me",
    "I told you to stop texting me",
    "you need to stop texting me",
    "stop contacting me",
    "stop spamming me, it's annoying",
    "stop texting me or I'll report you",
    "stop texting me i dont want this",
    "i dont need this anymore please stop texting me",
    "this isn't helping, please stop writing to me",
    "don't message me anymore",
    "Don\u2019t text me",
    "do not contact me again",
    "never text me again",
    "dont send me any more texts",
    "please do not send me these messages",
    "take me off this list",
    "Please take my number off your list.",
    "remove me from your list",
    "delete my number",
    "unsubscribe me",
    "unsubscribe",
    "Please unsubscribe me from this list",
    "I want to opt out",
    "I'd like to unsubscribe",
    "opt me out of these texts",
    "quit sending me these",
    "stop sending messages",
    "stop these texts",
    "no more texts please",
    "No more messages.",
    "I don't want these messages",
    "I do not want to receive any more texts",
    "i don't want you to text me anymore",
    "I want these messages to stop",
    "I no longer want your texts",
    "cancel my subscription",
    "I revoke my consent",
    "leave me alone and stop writing",
    "Leave me alone, stop texting me.",
    "My wife left. I'm done. Stop texting me.",
    "I took all my pills. Stop texting me.",
    "deja de mandarme mensajes",
    "dejen de escribirme",
    "por favor, deje de enviarme mensajes",
    "no me escriban más",
    "No me escribas más, por favor",
    "ya no me manden mensajes",
    "no quiero recibir más mensajes",
    "Ya no quiero mensajes.",
    "no más mensajes por favor",
    "bórrame de la lista",
    "Sáquenme de esta lista",
    "dame de baja",
    "quiero cancelar los mensajes",
    "ya no quiero que me escriban",
    "¿pueden dejar de escribirme?",
    "Oye, ¿puedes dejar de mandarme mensajes por favor?",
    "no más textos",
    # someone else reads the phone: silence may keep a person safe
    "my boyfriend checks my phone, please stop texting me",
    "Do not text me, my phone is watched by my husband",
    "My husband reads my texts. Stop texting me.",
    "stop texting me because he looks at my phone",
    "no me escribas, mi novio ve mi teléfono",
    "Ya no quiero estos mensajes",
    "'stop texting me'",
    "I want to stop getting these texts",
    "i want to quit this program",
    "I'd like to leave this program please",
    "i'm done with this app",
    "I don't want to be in your program anymore",
    "i want out of this program because it isn't helping",
    "ya no quiero estar en este programa",
]


@pytest.mark.parametrize("text", CLEAR)
@pytest.mark.parametrize("keywords", [True, False])
def test_a_clear_wish_counts_on_every_channel(text: str, keywords: bool) -> None:
    assert wish(text, keywords=keywords) is Wish.STOP


OTHERWISE = [
    # stopping, quitting and ending, in recovery
    "I want to end it",
    "I want it to end",
    "end it all",
    "help me quit",
    "I quit drinking",
    "quit my job today",
    "quit drinking 3 days ago",
    "I can't stop",
    "I want to stop using",
    "I want to stop",
    "stop using",
    "make it stop",
    "stop the cravings",
    "I just want the texts in my head to stop",
    "should I stop my meds",
    "don't stop",
    "please don't stop texting me",
    "never stop writing to me",
    "why did you stop texting me",
    "end of my rope",
    "cancel my appointment",
    "cancel my check-in",
    "stop by later?",
    "stop? why",
    "Stopped at the bar",
    "bus stop, cold out",
    "I need to stop texting",
    "help me stop texting",
    "leave me alone",
    "take me off this medication",
    "remove me from this house",
    "I opted out of surgery",
    "revoke my probation",
    "no more pills",
    "no more",
    "start over",
    # other people
    "she said stop",
    "he won't stop texting me",
    "my ex keeps texting me. stop texting me! ugh",
    "my dealer keeps messaging me",
    "tell him to stop messaging me",
    "how do I tell him to stop texting me",
    "how do I stop texting my dealer",
    "how do I stop texting her",
    "stop texting my dealer",
    "stop texting him",
    "I deleted my dealer, no more texts from him",
    "no more texts from my ex",
    "I told him stop texting me",
    "I told him, stop texting me",
    'I told him "stop texting me"',
    "\u201cStop texting me\u201d is what I wrote back",
    "Don't text me anymore, he said",
    "Stop texting me. That's what I told my dealer.",
    "I want to text my ex: please stop texting me",
    "Is this ok to send? Please stop texting me. I want to send that to my plug.",
    "should I say stop texting me",
    "I wish people would please stop texting me",
    "My mom says please stop texting me",
    "nobody texts me anymore",
    "they don't text me anymore",
    "you don't text me anymore",
    "why don't you text me anymore",
    "I don't want to text my dealer",
    "I don't want texts from him",
    "remove his number",
    "I should delete my dealers number",
    "if he calls, don't text me",
    # less, not none
    "don't text me at work",
    "don't text me before 9",
    "stop texting me at night",
    "stop texting me when I'm working",
    "stop texting me about my meds",
    "stop sending me reminders",
    "stop sending me so many messages",
    "stop sending me pics of beer",
    "if I'm asleep don't text me",
    "no more texts?",
    # near misses
    "no, text me",
    "no more texting",
    "I don't want to see the messages",
    "I want the texts to stop",
    "I want to be removed from my parents' house",
    "unsubscribe from youtube",
    "stop texting me mike",
    "my ex, stop texting me",
    "stop texting me because he said so",
    "my brother texts me all night. please stop texting me",
    "what do I say? stop texting me",
    "he was like stop texting me",
    "i want to quit",
    "i want to quit the program",
    "i want to leave the program they put me in",
    "i quit my program last week",
    "how do i leave this program?",
    "my dad wants me to quit this program",
    "i don't want to quit this program",
    # Spanish
    "quiero dejar de tomar",
    "ya no quiero vivir",
    "no puedo parar",
    "quiero acabar con esto",
    "mi ex no me escribe",
    "no dejes de escribirme",
    "por favor no dejen de mandarme mensajes",
    "dile que no me escriba más",
    "le dije: deja de escribirme",
    "no me escribas más, le dije a mi ex",
    "deja de mandarme mensajes, me dijo",
    "me dieron de baja en el trabajo",
    "la bolsa va a la baja",
    "para de llorar",
    "no quiero esto",
    "ya no quiero esto",
    "no más",
    "ya no más",
    "no me mandes al hospital",
    "ya no quiero esto más contigo",
    "no quiero que mi dealer me escriba",
]


@pytest.mark.parametrize("text", OTHERWISE)
@pytest.mark.parametrize("keywords", [True, False])
def test_what_is_said_about_other_things_ends_nothing(text: str, keywords: bool) -> None:
    assert wish(text, keywords=keywords) is None


@pytest.mark.parametrize(
    "text", ["stop", "STOP", "quit", "end", "cancel", "alto", "please stop", "STOP. I took all my pills"]
)
def test_without_keywords_a_bare_word_ends_nothing(text: str) -> None:
    assert wish(text, keywords=False) is None


@pytest.mark.parametrize(
    "text",
    ["crisis", "Crisis.", "/crisis", "crisis line", "the crisis line please", "emergency numbers", "hotline",
     "what is the crisis number", "crisis text line", "línea de crisis", "números de emergencia"],
)  # fmt: skip
@pytest.mark.parametrize("keywords", [True, False])
def test_the_lines_to_call_are_asked_for_by_their_bare_name(text: str, keywords: bool) -> None:
    assert wish(text, keywords=keywords) is Wish.CRISIS


@pytest.mark.parametrize("text", ["i'm in crisis", "it's a crisis at work", "i called the crisis line", "emergency"])
def test_and_by_nothing_else(text: str) -> None:
    assert wish(text, keywords=True) is None


@given(st.text(), st.booleans())
def test_any_text_is_read(text: str, keywords: bool) -> None:
    assert wish(text, keywords=keywords) in (None, *Wish)


@pytest.mark.parametrize("part", ["please ", "stop ", "any more ", "you need to ", "i ", "' ", "the all ", "la "])
def test_a_long_text_takes_no_time(part: str) -> None:
    began = time.perf_counter()
    wish(part * 5000, keywords=True)
    assert time.perf_counter() - began < 0.5
