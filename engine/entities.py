"""Entities by rules: substances, levels, times and people, with spaCy's entity ruler on a blank English pipeline.

Words are cut by a linear pattern of our own, because spaCy's tokenizer is quadratic on emoji and brackets.
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
from spacy.tokens import Doc

WORDS = re.compile(r"\w+(?:['\u2019]\w+)?|[^\w\s]")

SUBSTANCES = {
    "alcohol": "alcohol beer beers wine vodka whiskey whisky booze liquor gin rum tequila drink drinks drinking",
    "opioids": "heroin fentanyl fent oxy oxys oxycodone percs percocet vicodin hydrocodone codeine tramadol dope smack",
    "benzodiazepines": "xanax xans bars benzo benzos valium klonopin ativan",
    "stimulants": "coke cocaine crack meth crystal speed adderall blow tina",
    "cannabis": "weed pot cannabis dabs bud thc edibles joint blunt",
    "gambling": "casino slots betting gambling poker scratchers sportsbook bet bets",
    "nicotine": "cigarette cigarettes smokes vape vaping nicotine",
}
PEOPLE = (
    "mom mum mother dad father brother sister son daughter wife husband partner boyfriend girlfriend friend boss "
    "sponsor cousin uncle aunt grandma grandpa roommate ex kids kid neighbor coworker"
)
LEVELS = "zero one two three four five six seven eight nine ten"


def patterns() -> List[Dict[Text, Any]]:
    """The ruler's patterns: label, token pattern and the value it stands for."""
    rows: List[Dict[Text, Any]] = []
    for name, words in SUBSTANCES.items():
        rows += [{"label": "substance", "pattern": [{"LOWER": word}], "id": name} for word in words.split()]
    rows += [{"label": "person", "pattern": [{"LOWER": word}], "id": word} for word in PEOPLE.split()]
    number = {"TEXT": {"REGEX": r"^(?:10|\d)$"}}
    rows += [
        {"label": "level", "pattern": [number, {"LOWER": "/"}, {"TEXT": "10"}]},
        {"label": "level", "pattern": [number, {"LOWER": "out"}, {"LOWER": "of"}, {"TEXT": "10"}]},
        {"label": "level", "pattern": [number]},
        {"label": "level", "pattern": [{"LOWER": {"IN": LEVELS.split()}}]},
    ]
    unit = {"LOWER": {"REGEX": r"^(?:min|mins|minutes?|hours?|hrs?|days?|weeks?|months?|years?)$"}}
    count = {"LOWER": {"REGEX": r"^(?:\d{1,4}|a|an|one|two|three|four|five|six|seven|eight|nine|ten|few|couple)$"}}
    rows += [
        {"label": "duration", "pattern": [count, unit]},
        {"label": "duration", "pattern": [count, {"LOWER": "of"}, unit]},
        {"label": "time", "pattern": [{"LOWER": {"IN": ["tonight", "today", "yesterday", "tomorrow", "now"]}}]},
        {"label": "time", "pattern": [{"LOWER": "last"}, {"LOWER": {"IN": ["night", "week", "month", "weekend"]}}]},
    ]
    return rows


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
                "entity": span.label_,
                "value": span.ent_id_ or span.text.lower(),
                "start": found[span.start].start(),
                "end": found[span.end - 1].end(),
                "extractor": "RuleEntities",
            }
            for span in doc.ents
        ]
