"""What US carriers filter out of SMS: the names of drugs, which ordinary messages do without.

Carriers count prescription drugs, cannabis, CBD and kratom as forbidden categories (Twilio, "Forbidden message
categories for SMS and MMS in the US and Canada"), and their filters look at the words, not at who sends them or why:
clinics report that a bare "tramadol" is blocked. Alcohol is another category, by age, and stays.

Medicines for treatment: buprenorphine, methadone and their brands are controlled prescription opioids to a filter, and
naltrexone is a prescription drug, so they become "medicine". Naloxone (Narcan) stays: it is sold without prescription,
nobody sells it for a high, and a text that names it may save a life.

Words with an everyday meaning stay as well (coke, crack, speed, ice, rock, snow, blow, blues, grass, pot, hash, acid,
molly, spice, lean, bars, addy, dope, PCP, coca, nieve, piedra, hierba, perico, cristal): one message that a filter holds
back is better than plain talk made into nonsense. Safety texts do not pass through here.
"""

import re

_ENGLISH = (
    "heroin fentanyl carfentanil fent oxycodone oxycontin oxy oxies oxys roxicodone percocet percocets percs hydrocodone vicodin"
    " norco lortab hydromorphone dilaudid oxymorphone opana morphine codeine meperidine demerol tramadol ultram"
    " tapentadol nucynta opium opiate opiates opioid opioids nitazene nitazenes isotonitazene xylazine tranq kratom tianeptine"
    " benzo benzos benzodiazepine benzodiazepines alprazolam xanax xan xans xannie xannies xanny diazepam valium lorazepam"
    " ativan clonazepam klonopin klonopins temazepam etizolam bromazolam flunitrazepam rohypnol zolpidem ambien phenobarbital"
    " barbiturate barbiturates carisoprodol"
    " gabapentin neurontin pregabalin lyrica"
    " meth methamphetamine methamphetamines amphetamine amphetamines cocaine adderall vyvanse ritalin concerta dexedrine"
    " methylphenidate lisdexamfetamine dextroamphetamine"
    " weed marijuana cannabis thc cbd ganja kush hashish"
    " lsd mdma ecstasy psilocybin shrooms dmt mescaline peyote ayahuasca ketamine ghb sizzurp"
)
_SPANISH = (
    "heroína fentanilo oxicodona hidrocodona hidromorfona morfina codeína opio opioide opioides opiáceo opiáceos xilacina"
    " benzodiacepina benzodiacepinas metanfetamina metanfetaminas anfetamina anfetaminas cocaína basuco bazuco"
    " marihuana mariguana mota hachís éxtasis ketamina psilocibina"
)
_PHRASES = ("crystal meth", "crack cocaine", "black tar heroin", "magic mushrooms", "purple drank", "hongos mágicos")
_TREATMENT_ENGLISH = "buprenorphine suboxone subutex sublocade brixadi zubsolv methadone methadose naltrexone vivitrol"
_TREATMENT_SPANISH = "buprenorfina metadona naltrexona"

NAMES = frozenset((*_ENGLISH.split(), *_SPANISH.split(), *_PHRASES))
TREATMENT = frozenset((*_TREATMENT_ENGLISH.split(), *_TREATMENT_SPANISH.split()))

_ACCENTS = {"á": "[aá]", "é": "[eé]", "í": "[ií]", "ó": "[oó]", "ú": "[uú]"}


def _any_of(names: frozenset[str]) -> str:
    """A pattern for any of the names, the longest first, with their Spanish accents or without."""
    ordered = sorted(names, key=lambda name: (-len(name), name))
    return "(?:" + "|".join("".join(_ACCENTS.get(char, re.escape(char)) for char in name) for name in ordered) + ")"


# Weeds are pulled, and gardens weeded: only the one word is the drug.
_NAME = rf"{_any_of(NAMES)}\b(?!(?<=weed) (?:out|whackers?|killers?)\b)"
_OWN = (
    r"the|a|an|some|any|my|your|his|her|their|our|this|that|these|those|"
    r"el|la|los|las|un|una|mi|mis|tu|tus|su|sus|esa|ese|esta|este"
)
_COUNT = r"\d{1,3}|one|two|three|four|five|dos|tres|cuatro|cinco"
_AMOUNT = r"more|less|much|enough|más|mas|menos|tanta|tanto|mucha|mucho"
_NOUNS = (
    r"cravings?|use|users?|dealers?|high|pills?|tablets?|patch|patches|urges?|withdrawals?|habit|overdoses?|addiction|problem|"
    r"relapse|lapse|treatment|program|crisis|tolerance|powder|gummies|pens?|vapes?|baggies|bag|smoke|shop|store|dispensary|"
    r"prescription|script|related|dependence|recovery|house|spot|supply"
)
_VERBS = r"are|were|have|son|eran"
_PATTERN = re.compile(
    rf"(?<![\w-])(?:(?P<of>(?:de|a)l) |(?P<amount>{_AMOUNT}) |(?P<none>no) |(?P<own>{_OWN}|{_COUNT}) )?"
    rf"(?:(?P<treatment>{_any_of(TREATMENT)})(?:['\u2019]s)?\b|(?P<name>{_NAME})"
    rf"(?:(?P<noun>[ -](?:{_NOUNS}))\b|(?P<free>-free)\b|(?P<genitive>['\u2019]s)\b|"
    rf"(?:(?: ?[,/&+] ?|,? (?:and|or|y|o|e|u) )(?:(?:{_OWN}) )?(?:{_NAME}))*(?P<verb> (?:{_VERBS}))?\b))",
    re.IGNORECASE,
)
_SPANISH_NAME = re.compile(f"{_any_of(frozenset((*_SPANISH.split(), *_TREATMENT_SPANISH.split())))}$", re.IGNORECASE)
_SPANISH_WORD = re.compile(
    r"[¿¡ñ]|\b(?:el|los|las|una|del|con|por|para|que|qué|cuando|y|tu|mi|es|está|estás|te|se|quiero|ganas|sin)\b",
    re.IGNORECASE,
)
_ENGLISH_WORD = re.compile(
    r"\b(?:the|and|to|you|your|of|is|are|was|when|what|my|for|with|it|in|on|i|or|that|this|at|not|can)\b", re.IGNORECASE
)
_PLURAL = {"are": "is", "were": "was", "have": "has", "son": "es", "eran": "era"}
_ENDS_SENTENCE = re.compile(r"[.!?\n][\s\"'¿¡(\u201c\u2018]*$")


def without_drugs(text: str) -> str:
    """The text with "it" or "eso" for each drug's name, and "medicine" for those that treat.

    The language is that of the name where it has one, else that of the words around it.
    """
    if not _PATTERN.search(text):
        return text
    spanish = len(_SPANISH_WORD.findall(text)) > len(_ENGLISH_WORD.findall(text))
    return _PATTERN.sub(lambda found: _instead(found, spanish), text)


def _instead(found: re.Match[str], spanish: bool) -> str:
    spanish = spanish or bool(_SPANISH_NAME.search(found["treatment"] or found["name"]))
    if found["treatment"]:
        said = _treating(found, spanish)
    elif found["noun"]:
        said = _of_the_noun(found)
    elif found["genitive"]:
        said = "its"
    else:
        said = _pronoun(found, "eso" if spanish else "it", "de" if spanish else "of")
    # A few characters are enough to see whether a sentence begins here, and keep the work linear.
    start = found.start()
    before = found.string[start - 6 : start] if start > 6 else "\n" + found.string[:start]
    begins = found[0][0].isupper() and _ENDS_SENTENCE.search(before)
    return said[0].upper() + said[1:] if begins else said


def _treating(found: re.Match[str], spanish: bool) -> str:
    before = found[0][: found.start("treatment") - found.start()]
    if spanish and found["of"]:
        return f"{found['of'][:-1].lower()} la medicina" if found["of"].lower() == "del" else "a la medicina"
    return before[:1].lower() + before[1:] + ("medicina" if spanish else "medicine")


def _of_the_noun(found: re.Match[str]) -> str:
    """ "A fentanyl overdose" is an overdose: the noun says enough."""
    noun = found["noun"][1:]
    before = found[0][: found.start("name") - found.start()].lower()
    if before in ("a ", "an "):
        before = "an " if noun[0].lower() in "aeio" else "a "
    return before + noun


def _pronoun(found: re.Match[str], it: str, of: str) -> str:
    if found["free"]:
        return f"free {of} {it}" if of == "of" else f"sin {it}"
    if found["of"]:
        it = f"{found['of'].lower()[:-1] if found['of'].lower() == 'del' else 'a'} {it}"
    elif found["amount"]:
        it = f"{found['amount'].lower()} {of} {it}"
    elif found["none"]:
        it = "nada de eso" if of == "de" else "none of it"
    verb = (found["verb"] or "").strip()
    return f"{it} {_PLURAL[verb.lower()]}" if verb else it
