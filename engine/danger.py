"""Net 2, first version: the classifier's own probability that a message tells of danger.

The intents named ``danger_<kind>`` are trained on many phrasings; their probabilities become findings beside the
intent. A finding never removes the intent and never weighs against net 1: each net acts alone.
"""

from typing import Any, Dict, List, Text, Type

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message

FINDINGS = "findings"
RANKING = "intent_ranking"
PREFIX = "danger_"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class DangerNet(GraphComponent):
    """Reads the ranking of the classifier before it and writes ``findings``: kind, level, probability, words."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [IntentClassifier]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"definite": 0.9, "possible": 0.5}

    def __init__(self, config: Dict[Text, Any]) -> None:
        self._definite: float = config["definite"]
        self._possible: float = config["possible"]

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
            found = [] if not message.get(TEXT) else self._read(message.get(RANKING) or [])
            message.set(FINDINGS, found, add_to_output=True)
        return messages

    def _read(self, ranking: List[Dict[Text, Any]]) -> List[Dict[Text, Any]]:
        danger = [row for row in ranking if (row[INTENT_NAME_KEY] or "").startswith(PREFIX)]
        total = sum(row[PREDICTED_CONFIDENCE_KEY] for row in danger)
        if not danger or total < self._possible:
            return []
        # The kinds share the probability between them: what is left over decides how sure, the largest which kind.
        first = max(danger, key=lambda row: row[PREDICTED_CONFIDENCE_KEY])
        return [
            {
                "kind": first[INTENT_NAME_KEY][len(PREFIX) :],
                "level": "definite" if total >= self._definite else "possible",
                "probability": round(float(total), 4),
            }
        ]
