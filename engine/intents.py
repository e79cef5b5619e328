"""Which intent a message has: logistic regression over the sentence vector and character n-grams.

The vector carries meaning, the n-grams carry spelling; both have unit length, so neither drowns the other. Source of
the choice: ``docs/decisions/0004-understanding.md``.
"""

from typing import Any, Dict, List, Text, Type

import joblib
import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

RANKING = "intent_ranking"
FILE = "intents.joblib"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class IntentModel(GraphComponent, IntentClassifier):
    """Ranks every intent for a message, the likeliest first."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [Featurizer]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"C": 6.0, "ngrams": 0.6, "max_iter": 200}

    def __init__(self, config: Dict[Text, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = storage
        self._resource = resource
        self._spelling = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 4), min_df=3, sublinear_tf=True, max_features=12_000
        )
        self._model = LogisticRegression(
            C=config["C"], max_iter=config["max_iter"], class_weight="balanced", random_state=7
        )

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "IntentModel":
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [m for m in training_data.intent_examples if m.get(TEXT)]
        spelling = self._spelling.fit_transform([m.get(TEXT).lower() for m in examples])
        self._model.fit(self._features(examples, spelling), [m.get(INTENT) for m in examples])
        with self._storage.write_to(self._resource) as folder:
            joblib.dump((self._spelling, self._model), folder / FILE)
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **_: Any,
    ) -> "IntentModel":
        loaded = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            loaded._spelling, loaded._model = joblib.load(folder / FILE)
        return loaded

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            if not message.get(TEXT):
                continue
            spelling = self._spelling.transform([message.get(TEXT).lower()])
            chances = self._model.predict_proba(self._features([message], spelling))[0]
            ranking = [
                {INTENT_NAME_KEY: str(self._model.classes_[i]), PREDICTED_CONFIDENCE_KEY: float(chances[i])}
                for i in np.argsort(-chances)
            ]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(RANKING, ranking, add_to_output=True)
        return messages

    def _features(self, messages: List[Message], spelling: csr_matrix) -> csr_matrix:
        vectors = [m.get_dense_features(TEXT)[1].features for m in messages]
        return hstack([csr_matrix(np.vstack(vectors)), spelling * self._config["ngrams"]]).tocsr()
