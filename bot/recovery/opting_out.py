"""What a text asks of the sending itself: no more messages, messages again, who this is, or the lines to call.

Keywords are those of the carriers (CTIA Messaging Principles; 47 CFR 64.1200(a)(10) adds "any reasonable means", so
a clear wish in a sentence counts on every channel). People in recovery write about stopping, quitting and ending all
day, and about dealers and exes who text them: a sentence counts only when it is said to us, whole, and to nobody else.
Danger in the same text is not looked at here; both are honoured.
"""

import re
import unicodedata
from enum import StrEnum


class Wish(StrEnum):
    """What is asked; YES asks for messages only from someone who has opted out, else it answers a question.

    CRISIS asks for the lines to call, by their bare name, on every channel.
    """

    STOP = "stop"
    START = "start"
    YES = "yes"
    HELP = "help"
    CRISIS = "crisis"


# SÍ is left out: no carrier lifts its block on it, and a Spanish "sí" nearly always answers a question.
_KEYWORDS = (
    dict.fromkeys(("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke"), Wish.STOP)
    | dict.fromkeys(("optout", "opt out", "alto", "parar", "baja"), Wish.STOP)
    | {"start": Wish.START, "unstop": Wish.START, "yes": Wish.YES}
    | dict.fromkeys(("help", "info", "ayuda"), Wish.HELP)
)
_STOP_WORDS = frozenset(word for word, meant in _KEYWORDS.items() if meant is Wish.STOP)
# These mean nothing else, so that they count with more behind them; "Quit! 3 days clean" is good news.
_PLAIN_STOPS = _STOP_WORDS - {"quit", "end", "cancel", "revoke"}
# A longer text is a story; and a limit keeps the work small.
_LONGEST = 1000

_POLITE = re.compile(r"^(?:please|pls|plz|por favor) | (?:please|pls|plz|thanks|thank you|ty|por favor|gracias)$")
_LINES = re.compile(
    r"(?:(?:what(?:s| is| are)|give me|show me|send me|i need|need) )?(?:the |a |an |some |your )?"
    r"(?:crisis(?: (?:help|(?:text )?lines?|hotlines?|(?:phone )?numbers?))?"
    r"|(?:emergency|helpline|hotline) (?:lines?|(?:phone )?numbers?)"
    r"|hotlines?|helplines?|numbers to call)"
    r"|(?:(?:dame|cuales son) )?(?:el |la |los |las )?(?:lineas?|numeros?|telefonos?) de (?:crisis|emergencias?|ayuda)"
)
_NOT_WORDS = re.compile(r"[^a-z0-9]+")
_FIRST_SENTENCE = re.compile(r"[^\w]*([\w\- ]{1,20}?) *(?:[.!;\n]| [-\u2013\u2014] |[\u2013\u2014])(?=(.*))", re.DOTALL)
_SENTENCES = re.compile(r"[^.!?;\n]+[.!?;\n]*")
_QUOTED = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|\u00ab[^\u00bb]*\u00bb|(?<!\w)'[^']*'(?!\w)")


def wish(text: str, *, keywords: bool) -> Wish | None:
    """What the text asks of the sending, or None; ``keywords`` is for SMS, where one word is enough."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
    folded = _folded(text)
    if keywords:
        found = _keyword(folded)
        if found is not None:
            return found
    if _LINES.fullmatch(_POLITE.sub("", _words(folded))):
        return Wish.CRISIS
    return Wish.STOP if _asks_for_silence(folded) else None


def _folded(text: str) -> str:
    """Lower case without accents, with plain apostrophes taken out of words."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in apart if not unicodedata.combining(char) and unicodedata.category(char) != "Cf")
    return re.sub(r"(?<=\w)['\u2019\u02bc`\u00b4](?=\w)", "", bare)


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", text).strip()


def _keyword(folded: str) -> Wish | None:
    whole = _words(folded)
    found = _KEYWORDS.get(whole)
    if found is not None:
        return found
    if _POLITE.sub("", whole) in _STOP_WORDS and not folded.rstrip().endswith("?"):
        return Wish.STOP
    first = _FIRST_SENTENCE.match(folded)
    return Wish.STOP if first and _words(first[1]) in _PLAIN_STOPS else None


# ------------------------------------------------------------------------------------------------ sentences

# Someone else stands in the sentence. "el" is no sign: without its accent it is an article.
_THIRD = (
    r"he|hes|she|shes|him|his|her|hers|they|theyre|them|their|someone|somebody|everyone|people|dealer|plug|ex|"
    r"(?:my|the|this|that|some) (?:\w+ )?(?:guy|dude|girl|woman|man|mom|mum|mother|dad|father|sister|brother|wife|husband|"
    r"boyfriend|girlfriend|bf|gf|partner|son|daughter|friends?|boss|sponsor|roommate|cousin|uncle|aunt|kids?)|"
    r"ella|ellos|ellas|le|les|lo|mi (?:ex|mama|papa|hermano|hermana|novio|novia|esposo|esposa|hijo|hija|amigo|amiga|jefe)"
)
_THIRD_PERSON = re.compile(rf"\b(?:{_THIRD})\b")
# Someone else and messages or words in one sentence: what stands around it may be a quotation, or a draft.
_TALK = (
    r"tell|tells|telling|told|say|says|saying|said|ask|asks|asked|text|texts|texted|texting|message|messages|messaged|"
    r"messaging|write|writes|writing|wrote|reply|replied|send|sends|sent|sending|answer|answered|respond|responded|"
    r"call|calls|called|calling|block|blocked|contact|contacts|contacting|yell|yelled|scream|screamed|beg|begged|"
    r"dijo|dije|dice|digo|dicen|dijeron|decir|decirle|dile|digale|escribe|escriben|escribio|escribi|escribirle|manda|mandan|"
    r"mando|mande|contesto|contestar|respondi|respondio|pidio|pedi|llama|llamo"
)
_TALKING = re.compile(rf"\b(?:{_TALK})\b")
_REPORTED = re.compile(
    r"\b(?:says|(?<!i )said|goes|(?:keeps?|kept|wont stop|was|be like|\w+ was like) (?:texting|messaging|writing|calling|saying)"
    r"|(?:should|can|could|do|how) i (?:say|send|write|text|reply|answer|respond|tell)"
    r"|what (?:do|should|can) i (?:say|text|write|reply)|(?:to|gonna|wanna) (?:reply|respond|text back|write back)"
    r"|(?:help me|how to) (?:write|say|text|word)|dijo|dije|dice|dile|digale|como (?:le )?digo|me dice)\b"
)
# "my boyfriend reads my texts" speaks of our messages, and is a good reason to want no more of them.
_OURS = re.compile(r"\b(?:my|your|these|the) (?:texts?|messages?)\b")
_JOINTS = re.compile(r",| (?:because|cause|bc|porque) ")
_A_TELLING = 3  # words; a shorter clause, "my ex", calls someone by name
_CONDITION = re.compile(r"^(?:if|when|whenever|unless|until|once|next time|cuando|si|hasta)\b")
_ASKED_OF_US = re.compile(
    r"^(?:\w+ ){0,2}?(?:(?:can|could|will|would) (?:you|u)|pueden?|puedes|podrian?|podrias)\b",
)

_TAIL = (
    r"(?: (?:any ?more|any longer|ever|again|now|right now|already|please|pls|plz|thanks|thank you|for good|forever|at all|"
    r"immediately|asap|completely|altogether|you|bot|robot|man|dude|guys|ok|okay|alright))*"
)
_MORE = (
    r"(?: (?:im|i am|ive|i dont|i do not|i didnt|i never|i cant|i want|i need|i hate|its|it is|this|youre|you are|you|"
    r"leave|lose|go away|fuck|or ill|and (?:leave|stop|dont|do not|delete|remove|take|never|lose|go)|because|cause|bc) .*"
    r"| leave me alone)?"
)
_SWEAR = r"(?:(?:fucking|fuckin|freaking|frigging|damn|goddamn|bloody|all) )?"
_OPENING = (
    r"(?:(?:please|pls|plz|ok|okay|hey|hi|hello|yo|just|so|now|and|but|or|no|nope|yeah|look|listen|seriously|sorry|then|also|ffs|"
    r"wtf|omg|jesus|thanks|thank you|kindly|for the last time|again|leave me alone|go away|get lost|shut up|fuck off|fuck you|"
    r"screw you|(?:i )?(?:would like|want|need|asked|told|am asking|am telling|im asking|im telling) (?:you|u) (?:guys |all )?to|"
    r"(?:i )?already (?:asked|told) (?:you|u) to|i(?:d| would) like (?:you|u) to|"
    r"(?:can|could|will|would) (?:you|u)(?: guys| all)?|(?:you|u|yall) (?:need|have|got|better|gotta)(?: to)?) )*"
)
_NOUNS = r"(?:texts?|text messages|messages?|msgs?|sms|notifications)"
_THESE = r"(?:(?:all|any|any ?more|more|these|those|this|the|your|ur|of|such|damn|stupid|fucking) )*"
_NEVER = r"(?:dont|do not|never|dnt)(?: you)?(?: (?:ever|you dare))?"
_REACH_ING = (
    r"(?:(?:calling|emailing) (?:and|or) )?"
    r"(?:texting|messaging|msging|messageing|txting|contacting|writing(?: to)?|spamming|dming)"
)
_REACH = r"(?:text|message|msg|txt|contact|write(?: to)?|dm|spam)"
_US = (
    r"(?: (?:of|from|to|out of|off) (?:all |of )?(?:this|these|it|your|ur|the|any|you)"
    r"(?: (?:list|lists|service|texts?|messages?|sms|thing|updates))?)?"
)
_OUR_PROGRAM = (
    r"(?:this|your|ur) (?:(?:text|texting|messaging|stupid|damn|automated) )?(?:program|app|bot|chatbot|service)"
)
_ENGLISH = (
    rf"(?:stop|quit|cease) {_SWEAR}{_REACH_ING} me",
    r"stop (?:texting|messaging|writing)",
    rf"(?:stop|quit|cease) {_SWEAR}sending (?:me )?(?:{_THESE}{_NOUNS}|these|this|those|this (?:stuff|shit|crap)|these things)",
    rf"(?:stop|end|cancel|quit) (?:all |with )?(?:these|the|those|your|ur|all|all the|all these|all your) {_NOUNS}",
    r"cancel (?:my|this|the) (?:subscription|texts|messages)|end (?:my|this|the) subscription|cancel (?:texts|messages)",
    rf"{_NEVER} {_REACH} me|(?:never|dont|do not) (?:ever )?contact me",
    rf"{_NEVER} send me (?:{_THESE}{_NOUNS}|anything|anything else|any ?more|these|this|any more of (?:these|this))",
    rf"no more {_SWEAR}(?:of )?(?:these |your )?{_NOUNS}",
    r"(?:take|get) (?:me|my (?:number|name|phone|phone number)) off (?:of )?(?:this|the|your|ur|that) (?:\w+ )?list",
    r"remove (?:me|my (?:number|name|phone|phone number)) (?:from|off) (?:this|the|your|ur|that|all) "
    rf"(?:\w+ )?(?:lists?|service|system|database|{_NOUNS})",
    r"(?:remove|delete|lose|forget|erase) my (?:phone )?number",
    rf"(?:unsubscribe|opt (?:me )?out|optout)(?: me)?{_US}",
    r"(?:i (?:really )?(?:want|wanna|wish|would like|need|choose)(?: to)?|id like to) "
    rf"(?:(?:unsubscribe|opt out|be unsubscribed){_US}|be removed from (?:this|the|your|ur) list)",
    r"i (?:really )?(?:(?:dont|do not) (?:want|wish)(?: to)?|no longer (?:want|wish)(?: to)?) "
    rf"(?:(?:get|receive|getting|receiving) )?{_THESE}{_NOUNS}",
    r"i (?:really )?(?:(?:dont|do not) (?:want|wish)|no longer (?:want|wish)) (?:to be (?:texted|messaged|contacted)|"
    r"to hear from you|(?:you|u) (?:to (?:text|message|contact|write)|texting|messaging|contacting|writing) me)",
    # "the texts" may be those of someone else; "these" and "your" are ours.
    rf"i (?:want|need|would like) (?:all )?(?:these|this|your) {_NOUNS} to (?:stop|end)",
    rf"i want to stop (?:getting|receiving) (?:all |any )?(?:of )?(?:these|your) {_NOUNS}",
    r"i (?:revoke|withdraw|take back) (?:my )?consent(?: to (?:texts?|messages?|be texted|be contacted|these|this))?",
    r"revoke (?:my )?consent",
    # "The program" may be that of the twelve steps; this one, and yours, are ours.
    r"(?:i (?:really |just )?(?:want|wanna|wish|would like|need|choose)(?: to)?|id like to|im (?:going to|gonna)|i) "
    r"(?:quit|leave|cancel|drop out of|get out of|be (?:out of|done with)|stop using|out of) "
    rf"{_OUR_PROGRAM}",
    rf"i (?:(?:dont|do not) want|no longer want)(?: to (?:use|be in|be part of|be on))? {_OUR_PROGRAM}",
    rf"(?:im|i am) done with {_OUR_PROGRAM}",
)
_TEXTOS = r"(?:mensajes?|mensajitos|textos?|mensajes de texto|sms)"
_ESTO = rf"(?:{_TEXTOS}|esto|estos|eso|esas cosas|estas cosas)"
_DE = r"(?:(?:mas|los|las|estos|esos|tus|sus|tantos|ningun|otros|de) )*"
_DEJA = r"(?:deja|dejen|deje|para|paren|pare|(?:puedes?|pueden|podrias?|podrian) (?:dejar|parar))"
_SPANISH = (
    rf"{_DEJA} (?:ya )?de (?:mandarme|enviarme|mandar|enviar) {_DE}{_ESTO}",
    rf"{_DEJA} (?:ya )?de (?:escribirme|textearme|mensajearme|contactarme)",
    r"(?:ya )?no (?:me|nos) (?:escribas?|escriban|textees?|texteen|contactes?|contacten|mensajees?|mensajeen)",
    rf"(?:ya )?no me (?:mandes?|manden|envies?|envien) (?:{_DE}{_ESTO}|nada|mas)",
    rf"(?:ya )?no (?:quiero|deseo)(?: (?:recibir|que me (?:mandes|manden|envies|envien)))? {_DE}{_TEXTOS}",
    r"(?:ya )?no (?:quiero|deseo) que me (?:escribas|escriban|textees|texteen|contactes|contacten)",
    rf"(?:(?:ya )?no mas|basta de) {_TEXTOS}|basta con (?:los|estos) mensajes",
    r"(?:borra|borren|borre|quita|quiten|quite|saca|saquen|saque|elimina|eliminen|elimine)"
    r"(?:me| (?:mi|el) numero) de (?:la|esta|su|tu) lista",
    r"(?:borra|borren|elimina|eliminen) mi numero",
    r"(?:dame|denme|deme|(?:quiero|quisiera) darme) de baja(?: de (?:esto|estos mensajes|la lista|esta lista|los mensajes))?",
    r"cancela(?:r|en|me)? (?:mi suscripcion|los mensajes|estos mensajes|la suscripcion)",
    r"(?:quiero|quisiera) cancelar (?:mi suscripcion|los mensajes|estos mensajes)",
    r"(?:quiero|quisiera) (?:dejar|abandonar|cancelar|salir de|salirme de) este (?:programa|servicio|bot)",
    r"ya no quiero (?:usar|estar en|seguir (?:con|en)) este (?:programa|servicio|bot)",
)
_CLOSING = r"(?: (?:mas|nunca|nunca mas|jamas|otra vez|de nuevo|ya|por favor|porfa|porfavor|gracias|ahora|para nada))*"
# No "no" here: "no dejen de escribirme" asks for the opposite.
_ABRIR = (
    r"(?:(?:por favor|porfa|porfavor|ya|oye|oigan|hola|y|pero|que|bueno|ok|mira|dejame en paz|dejenme en paz|"
    r"quiero que|me|te pido que) )*"
)
_WISHES = re.compile(
    rf"{_OPENING}(?:{'|'.join(_ENGLISH)}){_TAIL}{_MORE}|{_ABRIR}(?:{'|'.join(_SPANISH)}){_CLOSING}",
)
# People leave the full stop out: "i dont need this anymore please stop texting me".
_RUN_ON = re.compile(
    r"(?P<before>(?:i|im|ive|this|these|its|thats|ok|okay|you|youre|thanks|thank|not|no|ya|esto|estoy|gracias)\b.*?)"
    r"(?<!\bto)(?<!\bwould)(?<!\bcould)(?<!\bwill)(?<!\bcan)(?<!\bshould)(?<!\bnot)(?<!\bdont)(?<!\bjust) "
    r"(?P<asked>(?:please|pls|plz|por favor) .*)"
)


def _asks_for_silence(folded: str) -> bool:
    sentences = _SENTENCES.findall(_unquoted(folded))
    # Words that are someone else's, or meant for someone else, may stand anywhere around: then nothing counts.
    return not any(_of_others(said) for said in sentences) and any(_is_wish(said) for said in sentences)


def _unquoted(folded: str) -> str:
    """The text without what stands in quotes, unless all of it does."""
    return _QUOTED.sub(" quoted ", folded) if _words(_QUOTED.sub("", folded)) else folded


def _of_others(written: str) -> bool:
    """Whether a sentence, apart from a wish in it, tells what someone else says or is to be told."""
    rest = [clause for clause in _clauses(written) if not _is_whole_wish(clause)]
    return any(
        _REPORTED.search(clause)
        or (
            _THIRD_PERSON.search(clause)
            and (len(clause.split()) < _A_TELLING or _TALKING.search(_OURS.sub("", clause)))
        )
        for clause in rest
    )


def _is_wish(written: str) -> bool:
    sentence = _words(written)
    if _CONDITION.search(sentence) or (written.rstrip().endswith("?") and not _ASKED_OF_US.search(sentence)):
        return False
    return _is_whole_wish(sentence) or any(_is_whole_wish(clause) for clause in _clauses(written))


def _clauses(written: str) -> list[str]:
    return [_words(part) for part in _JOINTS.split(written)]


def _is_whole_wish(clause: str) -> bool:
    if _THIRD_PERSON.search(clause):
        return False
    run_on = _RUN_ON.fullmatch(clause)
    return bool(_WISHES.fullmatch(clause) or (run_on and _WISHES.fullmatch(run_on["asked"])))
