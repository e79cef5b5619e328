"""Who writes is known, so it is never guessed from the words: intents of the other side give way.

A relative has no plan, no check-in and no craving here. A client may well ask what a relative asks (about a friend,
about a brother), only less often. "I'm worn out" is a mood when a client says it; from a relative it asks for care of
their own, which is the answer we have for them.
"""

from typing import Any, Dict, List, Text, Type

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.training_data.message import Message

from engine.intents import chances_of, rank

CLIENT_ONLY = frozenset(
    {
        "report_craving", "report_risky_situation", "report_lapse", "ask_plan", "ask_people", "ask_reasons",
        "ask_triggers", "ask_after_lapse", "start_check_in", "change_check_in", "report_milestone", "doubt_recovery",
        "inform_level", "ask_skill", "correct_answer", "tell_change", "tell_ambivalence", "report_stuck_thought",
        "report_boredom", "report_habit", "ask_habit", "ask_progress", "ask_reward", "ask_contract",
    }
)  # fmt: skip


# What a relative's words mean when they are taken for an intent that only clients have an answer to.
FOR_FAMILY = {
    "report_low_mood": "family_own_care",
    "report_stress": "family_own_care",
    "report_loneliness": "family_own_care",
    "report_sleep": "family_own_care",
    "report_conflict": "family_talk",
    "report_medication": "family_ask_client",
    "report_meeting": "family_ask_client",
    "ask_appointment": "family_ask_client",
    "ask_sharing": "family_ask_client",
    "ask_lesson": "family_course",
}
# And what a client means who is heard like a relative: what to do after a slip is in their own plan.
FOR_CLIENT = {
    "family_after_lapse": "ask_after_lapse",
    "family_guilt": "report_stuck_thought",
    "family_relationship": "report_conflict",
    "family_admission": "ask_resources",
    "family_course": "ask_lesson",
}


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
            chances = chances_of(message)
            if role in ("client", "family") and chances:
                weighed = weigh(chances, role, self._client_on_family, self._family_on_client)
                if weighed:
                    rank(message, weighed)
        return messages


def weigh(
    chances: Dict[Text, float], role: Text, client_on_family: float, family_on_client: float
) -> Dict[Text, float]:
    """The intents' chances once it is known who writes; they sum to 1 again, or none are left."""
    weighed: Dict[Text, float] = {}
    for name, chance in chances.items():
        target = name
        if role == "client" and name in FOR_CLIENT:
            target = FOR_CLIENT[name]
        elif role == "client" and name.startswith("family_"):
            chance *= client_on_family
        elif role == "family" and name in CLIENT_ONLY:
            chance *= family_on_client
        elif role == "family":
            target = FOR_FAMILY.get(name, name)
        weighed[target] = weighed.get(target, 0.0) + chance
    total = sum(weighed.values())
    return {name: chance / total for name, chance in weighed.items()} if total > 0 else {}
