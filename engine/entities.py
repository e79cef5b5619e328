"""Entities by rules: what, how much, since when, who, where and how it feels, with spaCy's entity ruler on a blank pipeline.

Words are cut by a linear pattern of our own, because spaCy's tokenizer is quadratic on emoji and brackets. A value is the
name of a group where several words mean the same ("dope" → opioids), else the words as they stand.
"""

import re
from typing import Any, Dict, List, Text, Type

import spacy
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from spacy.tokens import Doc, Span

WORDS = re.compile(r"\w+(?:['\u2019]\w+)?|[^\w\s]")

SUBSTANCES = {
    "alcohol": "alcohol, beer, beers, wine, vodka, whiskey, whisky, booze, liquor, gin, rum, tequila, drink, drinks, drinking, "
    "cerveza, cervezas, vino, trago, tragos, ron, mezcal, caguama, chelas",
    "opioids": "heroin, fentanyl, fent, fetty, oxy, oxys, oxycodone, oxycontin, percs, percocet, percocets, vicodin, norco, "
    "hydrocodone, codeine, tramadol, dope, smack, blues, m30s, tranq, lean, kratom, heroína, fentanilo, chiva",
    "opioid medicine": "methadone, suboxone, subs, subutex, buprenorphine, sublocade, brixadi, naltrexone, vivitrol, metadona",
    "benzodiazepines": "xanax, xans, xannies, bars, benzo, benzos, valium, klonopin, ativan, alprazolam, clonazepam, clonas",
    "stimulants": "coke, cocaine, crack, meth, crystal, speed, adderall, blow, tina, perico, coca, cristal, molly, mdma",
    "cannabis": "weed, pot, cannabis, dabs, bud, thc, edibles, joint, blunt, mota, marihuana, churro",
    "gambling": "casino, slots, betting, gambling, poker, scratchers, sportsbook, bet, bets, parlay, parlays, apuestas, bingo",
    "nicotine": "cigarette, cigarettes, smokes, vape, vaping, nicotine, cigarros",
    "other drugs": "ketamine, ket, shrooms, acid, lsd, spice, k2, ghb, whippets, nitrous, pcp",
}
PAINKILLERS = {
    "paracetamol": "tylenol, paracetamol, acetaminophen, panadol",
    "nsaid": "ibuprofen, advil, motrin, naproxen, aleve, aspirin, ibuprofeno, diclofenac",
    "gabapentinoid": "gabapentin, neurontin, pregabalin, lyrica",
    "naloxone": "narcan, naloxone, naloxona",
}
PEOPLE = {
    "parent": "mom, mum, mama, mother, dad, father, papa, parents, mamá, papá, stepdad, stepmom",
    "sibling": "brother, sister, hermano, hermana, bro, sis, stepbrother, stepsister",
    "child": "son, daughter, kid, kids, child, children, baby, hijo, hija, hijos, toddler",
    "partner": "wife, husband, partner, boyfriend, girlfriend, fiance, spouse, esposo, esposa, novio, novia, bf, gf",
    "former partner": "ex, exwife, exhusband",
    "relative": "cousin, uncle, aunt, grandma, grandpa, nana, grandmother, grandfather, tío, tía, primo, prima, abuela, abuelo, "
    "niece, nephew, family",
    "friend": "friend, friends, buddy, roommate, flatmate, amigo, amiga, neighbor, neighbour",
    "work": "boss, coworker, coworkers, manager, supervisor, jefe",
    "sponsor": "sponsor, padrino, madrina",
    "care": "counselor, counsellor, therapist, doctor, nurse, psychiatrist, caseworker, case worker, terapeuta, doctora",
    "supplier": "dealer, plug, my guy, connect",
}
PLACES = {
    "home": "home, kitchen, bedroom, bathroom, couch, bed, apartment, casa, cuarto",
    "bar": "bar, pub, club, party, wedding, liquor store, bottle shop, barbecue, bbq, cantina, fiesta, happy hour",
    "work": "work, office, job, shift, break room, warehouse, trabajo, oficina",
    "car": "car, truck, parking lot, bus, train, uber, carro, troca",
    "care": "hospital, clinic, er, rehab, detox, sober house, sober living, halfway house, clínica",
    "street": "street, corner, park, bridge, calle",
    "meeting": "meeting, aa, na, church, group, junta, iglesia",
    "casino": "casino, bookies, track",
    "custody": "jail, prison, court, probation, cárcel",
}
FEELINGS = {
    "sad": "sad, down, depressed, miserable, low, hopeless, crying, triste, deprimido, deprimida",
    "afraid": "scared, afraid, anxious, anxiety, nervous, worried, panicky, panic, terrified, miedo, ansiosa, ansioso, nervioso",
    "angry": "angry, mad, pissed, furious, annoyed, irritated, enojado, enojada, coraje",
    "lonely": "lonely, alone, isolated, solo, sola",
    "ashamed": "ashamed, guilty, shame, embarrassed, disgusted, culpable, vergüenza",
    "tired": "tired, exhausted, drained, sleepy, burnt out, burned out, cansado, cansada",
    "stressed": "stressed, overwhelmed, tense, stress, estresado, estresada",
    "bored": "bored, restless, aburrido, aburrida",
    "good": "happy, proud, good, great, calm, hopeful, grateful, strong, feliz, contento, contenta, orgullosa, orgulloso",
}
_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred"
).split()
_NUMEROS = "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce quince veinte treinta cuarenta cincuenta".split()
_LEVELS = [*_NUMBERS[:11], *_NUMEROS[:11]]
_FEW = ["a", "an", "few", "couple", "half", "un", "una", "unos", "unas", "several"]
_UNITS = (
    r"^(?:seconds?|min|mins|minutes?|minutos?|hours?|hrs?|horas?|days?|d[ií]as?|nights?|noches?|weeks?|wks?|semanas?|months?|mos?"
    r"|mes|meses|years?|yrs?|años?)$"
)
_MEASURES = (
    "pill pills tablet tablets bar bars bottle bottles glass glasses can cans shot shots beer beers drink drinks pint pints bag "
    "bags gram grams g mg ml line lines hit hits patch patches joint joints pack packs cigarette cigarettes strip strips handful "
    "dollars bucks pastilla pastillas cerveza cervezas botella botellas trago tragos gramo gramos"
).split()
_DAYS = "monday tuesday wednesday thursday friday saturday sunday lunes martes miércoles jueves viernes sábado domingo".split()


def _groups(label: Text, groups: Dict[Text, Text]) -> List[Dict[Text, Any]]:
    """Patterns of the words and phrases of each group; its name is the value."""
    return [
        {"label": label, "pattern": [{"LOWER": word} for word in phrase.split()], "id": name}
        for name, phrases in groups.items()
        for phrase in phrases.split(", ")
    ]


def patterns() -> List[Dict[Text, Any]]:
    """The ruler's patterns: label, token pattern and, where there is one, the group they stand for.

    Of two that begin at one word the longer counts, so "two pills" is an amount and "two" alone a level.
    """
    small = {"TEXT": {"REGEX": r"^(?:10|\d)$"}}
    count = {"LOWER": {"REGEX": rf"^(?:\d{{1,5}}|{'|'.join([*_NUMBERS, *_NUMEROS, *_FEW])})$"}}
    unit = {"LOWER": {"REGEX": _UNITS}}
    of = {"LOWER": {"IN": ["of", "de"]}, "OP": "?"}
    span = [
        [count, of, unit],
        [{"LOWER": "a"}, {"LOWER": {"IN": ["few", "couple"]}}, of, unit],
        [{"LOWER": "half"}, count, unit],
    ]
    clock = {"LOWER": {"REGEX": r"^(?:\d{1,2}(?:am|pm)|noon|midnight|tonight|tomorrow|mañana|mediodía)$"}}
    day = {"LOWER": {"IN": _DAYS}}
    sober = {"LOWER": {"IN": ["sober", "clean", "limpio", "limpia", "sobrio", "sobria"]}}
    since, until = {"LOWER": {"IN": ["since", "desde"]}}, {"LOWER": {"IN": ["until", "till", "til", "hasta"]}}
    return [
        *_groups("substance", SUBSTANCES),
        *_groups("painkiller", PAINKILLERS),
        *_groups("person", PEOPLE),
        *_groups("place", PLACES),
        *_groups("feeling", FEELINGS),
        {"label": "level", "pattern": [small, {"LOWER": "/"}, {"TEXT": "10"}]},
        {"label": "level", "pattern": [small, {"LOWER": "out"}, {"LOWER": "of"}, {"TEXT": "10"}]},
        {"label": "level", "pattern": [small, {"LOWER": "de"}, {"TEXT": "10"}]},
        {"label": "level", "pattern": [small]},
        {"label": "level", "pattern": [{"LOWER": {"IN": _LEVELS}}]},
        {"label": "amount", "pattern": [{"LOWER": "half", "OP": "?"}, count, of, {"LOWER": {"IN": _MEASURES}}]},
        {"label": "amount", "pattern": [{"TEXT": {"REGEX": r"^\d+(?:mg|g|ml|oz)$"}}]},
        {"label": "amount", "pattern": [{"TEXT": "$"}, {"TEXT": {"REGEX": r"^\d+$"}}]},
        *({"label": "duration", "pattern": words} for words in span),
        *(
            {
                "label": "time since",
                "pattern": [
                    *words,
                    {"LOWER": {"IN": ["ago", "sober", "clean", "limpio", "limpia", "sobrio", "sobria"]}},
                ],
            }
            for words in span
        ),
        *({"label": "time since", "pattern": [sober, {"LOWER": "for", "OP": "?"}, *words]} for words in span),
        *({"label": "time since", "pattern": [{"LOWER": "hace"}, *words]} for words in span),
        *({"label": "time until", "pattern": [{"LOWER": {"IN": ["in", "en"]}}, *words]} for words in span),
        *({"label": "time since", "pattern": [since, words]} for words in (day, clock)),
        {"label": "time since", "pattern": [{"LOWER": {"IN": ["yesterday", "ayer", "anoche"]}}]},
        {
            "label": "time since",
            "pattern": [{"LOWER": "last"}, {"LOWER": {"IN": ["night", "week", "month", "weekend", "year", *_DAYS]}}],
        },
        *({"label": "time until", "pattern": [until, words]} for words in (day, clock)),
        {"label": "time until", "pattern": [{"LOWER": {"IN": ["tonight", "tomorrow", "mañana"]}}]},
        {
            "label": "time until",
            "pattern": [{"LOWER": {"IN": ["next", "this"]}}, {"LOWER": {"IN": ["week", "month", "weekend", *_DAYS]}}],
        },
        {"label": "time", "pattern": [{"LOWER": {"IN": ["now", "today", "hoy", "ahora", "ahorita"]}}]},
        {"label": "time", "pattern": [{"LOWER": "right"}, {"LOWER": "now"}]},
    ]


def _label(span: Span) -> Text:
    """What a span is called: a bare number before a substance counts it ("two percs") and is no level."""
    following = [other for other in span.doc.ents if other.start == span.end]
    counted = span.label_ == "level" and any(other.label_ in ("substance", "painkiller") for other in following)
    return "amount" if counted else str(span.label_)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class RuleEntities(GraphComponent, EntityExtractorMixin):
    """Puts the ruler's entities on each message."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return []

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {}

    def __init__(self) -> None:
        self._nlp = spacy.blank("en")
        self._nlp.add_pipe("entity_ruler", config={"overwrite_ents": True}).add_patterns(patterns())

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "RuleEntities":
        return cls()

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            text = message.get(TEXT)
            if text:
                message.set(ENTITIES, message.get(ENTITIES, []) + self._entities(text), add_to_output=True)
        return messages

    def _entities(self, text: Text) -> List[Dict[Text, Any]]:
        found = list(WORDS.finditer(text))
        if not found:
            return []
        doc = Doc(self._nlp.vocab, words=[match[0] for match in found])
        for _, component in self._nlp.pipeline:
            doc = component(doc)
        return [
            {
                "entity": _label(span),
                "value": span.ent_id_ or text[found[span.start].start() : found[span.end - 1].end()].lower(),
                "start": found[span.start].start(),
                "end": found[span.end - 1].end(),
                "extractor": "RuleEntities",
            }
            for span in doc.ents
        ]
