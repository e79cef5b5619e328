"""Net 2, the model: how much a message is like the examples that tell of danger, and of which kind.

The intents named ``danger_<kind>`` are trained on many phrasings. What counts here are the classifier's own scores, not
the intent's confidence: confidences are sharpened so that one intent stands out, and that hides a danger among ten
ordinary intents. The sum of the danger scores is the same number as a regression of danger against everything else
would give, because the scores are linear in what was to be learned; so no second model is needed.

A finding never removes the intent and never weighs against net 1: each net acts alone. A long text is read in windows,
and the highest wins. Where the levels come from: ``docs/evaluation.md``.
"""

from typing import Any, Dict, List, Mapping, Sequence, Text, Type

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from engine.intents import SCORES, chances_of, rank

FINDINGS = "findings"
PREFIX = "danger_"
# Messages that are known to sound like danger and to be none, and of which no more is told.
HARMLESS = "harmless"


def danger(scores: Mapping[Text, float]) -> Dict[Text, float]:
    """The scores of the danger kinds alone, by kind."""
    return {name[len(PREFIX) :]: score for name, score in scores.items() if name.startswith(PREFIX)}


def findings(readings: Sequence[Mapping[Text, float]], definite: float, possible: float) -> List[Dict[Text, Any]]:
    """What the scores of a text and its windows tell: the likeliest kind of each, the strongest once, strongest first."""
    found: Dict[Text, float] = {}
    for reading in readings:
        kinds = danger(reading)
        total = sum(kinds.values())
        if kinds and total >= possible:
            # The kinds share one sum: it decides how sure, the largest part of it which kind.
            kind = max(kinds, key=lambda name: kinds[name])
            found[kind] = max(found.get(kind, 0.0), total)
    return [
        {
            "kind": kind,
            "level": "definite" if total >= definite else "possible",
            "probability": round(min(total, 1.0), 4),
        }
        for kind, total in sorted(found.items(), key=lambda item: -item[1])
    ]


def suspected(found: List[Dict[Text, Any]], intent: Mapping[Text, Any], sure: float) -> List[Dict[Text, Any]]:
    """What was found, and as possible also the danger that the message is most like of all: no menu answers that."""
    name, confidence = str(intent.get("name") or ""), float(intent.get("confidence") or 0.0)
    kind = name[len(PREFIX) :]
    if not name.startswith(PREFIX) or confidence < sure or any(row["kind"] == kind for row in found):
        return found
    return [*found, {"kind": kind, "level": "possible", "probability": round(confidence, 4)}]


def answerable(chances: Mapping[Text, float], in_danger: bool, harmless: float) -> Dict[Text, float]:
    """The intents that can be answered, with their chances.

    The dangers are none of them where none was found: a single odd word ("purple") is like the messages that tell of blue
    lips, and of nothing else. And what is only known to be harmless is not understood, unless an intent comes near.
    """
    kept = {name: chance for name, chance in chances.items() if in_danger or not name.startswith(PREFIX)}
    kept[DEFAULT_NLU_FALLBACK_INTENT_NAME] = kept.pop(HARMLESS, 0.0) * harmless
    return kept


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class DangerNet(GraphComponent):
    """Reads the scores of the classifier before it and writes ``findings``: kind, level, probability."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [IntentClassifier]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"definite": 0.9, "possible": 0.6, "suspected": 0.7, "harmless": 0.1}

    def __init__(self, config: Dict[Text, Any]) -> None:
        self._definite: float = config["definite"]
        self._possible: float = config["possible"]
        self._suspected: float = config["suspected"]
        self._harmless: float = config["harmless"]

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "DangerNet":
        return cls(config)

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            found: List[Dict[Text, Any]] = []
            if message.get(TEXT):
                found = findings(message.get(SCORES) or [], self._definite, self._possible)
                found = suspected(found, message.get(INTENT) or {}, self._suspected)
                rank(message, answerable(chances_of(message), bool(found), self._harmless))
            else:
                # Rasa's own fallback needs an intent on everything.
                rank(message, {DEFAULT_NLU_FALLBACK_INTENT_NAME: 1.0})
            message.set(FINDINGS, found, add_to_output=True)
        return messages
