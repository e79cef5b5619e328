"""Who writes is known, so it is never guessed from the words: intents of the other side give way.

A relative has no plan, no check-in and no craving here. A client may well ask what a relative asks (about a friend,
about a brother), only less often.
"""

from typing import Any, Dict, List, Text, Type

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY
from rasa.shared.nlu.training_data.message import Message

RANKING = "intent_ranking"
CLIENT_ONLY = frozenset(
    {
        "report_craving", "report_risky_situation", "report_lapse", "ask_plan", "ask_people", "ask_reasons",
        "ask_triggers", "ask_after_lapse", "start_check_in", "change_check_in", "report_milestone", "doubt_recovery",
        "inform_level", "ask_skill", "correct_answer",
    }
)  # fmt: skip


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class RoleFilter(GraphComponent):
    """Weighs the ranking by the writer's role (from the turn's metadata) and ranks again."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [IntentClassifier]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"client_on_family": 0.2, "family_on_client": 0.0}

    def __init__(self, config: Dict[Text, Any]) -> None:
        self._client_on_family: float = config["client_on_family"]
        self._family_on_client: float = config["family_on_client"]

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "RoleFilter":
        return cls(config)

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            role = (message.get("metadata") or {}).get("role")
            ranking = message.get(RANKING)
            if role in ("client", "family") and ranking:
                self._rank_again(message, role, ranking)
        return messages

    def _rank_again(self, message: Message, role: Text, ranking: List[Dict[Text, Any]]) -> None:
        weighed = [
            {**row, PREDICTED_CONFIDENCE_KEY: row[PREDICTED_CONFIDENCE_KEY] * self._weight(role, row[INTENT_NAME_KEY])}
            for row in ranking
        ]
        total = sum(row[PREDICTED_CONFIDENCE_KEY] for row in weighed)
        if total <= 0:
            return
        for row in weighed:
            row[PREDICTED_CONFIDENCE_KEY] /= total
        weighed.sort(key=lambda row: -row[PREDICTED_CONFIDENCE_KEY])
        message.set(INTENT, weighed[0], add_to_output=True)
        message.set(RANKING, weighed, add_to_output=True)

    def _weight(self, role: Text, intent: Text) -> float:
        if role == "client" and intent.startswith("family_"):
            return self._client_on_family
        if role == "family" and intent in CLIENT_ONLY:
            return self._family_on_client
        return 1.0
