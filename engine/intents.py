"""Which intent a message has: kernel regression over the sentence vectors and the spelling.

A message is compared with every example: by meaning (the encoder's layers), by spelling (pieces of words, so a typo
costs little) and by words. Source of the choice and its figures: ``docs/decisions/0004-understanding.md``.
"""

from typing import Any, Dict, List, Mapping, Sequence, Text, Type

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
from scipy.linalg import cho_factor, cho_solve
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.encoder import LAYERS, WINDOWS

RANKING = "intent_ranking"
SCORES = "intent_scores"
FILE = "intents.joblib"
WORD = r"(?u)\b\w+(?:'\w+)?\b|[^\w\s]"
# Main directions kept of each encoder layer: as good as all 384 (docs/decisions/0004-understanding.md), a third of the work.
AXES = 128
# So many messages are compared with all others at a time.
ROWS = 1_000


def vectors_of(messages: Sequence[Message]) -> np.ndarray:
    """The messages' sentence vectors as one array, a row a message."""
    return np.vstack([m.get_dense_features(TEXT)[1].features for m in messages])


class KernelRegression:
    """One least-squares score a class, each between about 0 and 1; over all classes they sum to 1.

    Likeness in meaning falls off with distance and needs the examples' vectors. Likeness in spelling and words is a plain
    product, so after learning the examples are summed up there in one weight for each piece of a word and class.
    """

    def __init__(self, spelling: float, words: float, ridge: float) -> None:
        self._ridge = ridge
        self._sparse = [
            (
                spelling,
                TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, sublinear_tf=True, dtype=np.float32),
            ),
            (
                words,
                TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=WORD, dtype=np.float32),
            ),
        ]
        self.classes: List[Text] = []

    def fit(self, texts: Sequence[Text], vectors: np.ndarray, labels: Sequence[Text]) -> "KernelRegression":
        """Learn from texts, their vectors and their classes. One linear system: the same data, the same result."""
        small = [text.lower() for text in texts]
        names, places = np.unique(labels, return_inverse=True)
        self.classes = [str(name) for name in names]
        self._centre = vectors.mean(0)
        self._axes = _main_axes(vectors - self._centre)
        self._layers = self._split(vectors)
        pieces = [(weight, model.fit_transform(small)) for weight, model in self._sparse]
        wanted = np.eye(len(names), dtype=np.float32)[places]
        self._mean = wanted.mean(0)
        # In single precision, and in parts: the whole is the largest thing in memory, and what is needed in between
        # would otherwise take several times its room.
        kernel = np.empty((len(small), len(small)), dtype=np.float32)
        for at in range(0, len(small), ROWS):
            kernel[at : at + ROWS] = _likeness(self._layers[:, at : at + ROWS], self._layers)
            for weight, known in pieces:
                kernel[at : at + ROWS] += weight * (known[at : at + ROWS] @ known.T).toarray()
        kernel[np.diag_indices_from(kernel)] += self._ridge
        # Likeness to itself is positive and the ridge is added, so that this shorter way is open.
        factor = cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
        self._weights = cho_solve(factor, wanted - self._mean, check_finite=False).astype(np.float32)
        self._linear = [np.asarray(weight * (known.T @ self._weights), dtype=np.float32) for weight, known in pieces]
        return self

    def scores(self, texts: Sequence[Text], vectors: np.ndarray) -> np.ndarray:
        """The scores of each text for each class, in the order of ``classes``."""
        small = [text.lower() for text in texts]
        found = _likeness(self._split(vectors), self._layers) @ self._weights + self._mean
        for (_, model), weights in zip(self._sparse, self._linear):
            found += model.transform(small) @ weights
        return found

    def _split(self, vectors: np.ndarray) -> np.ndarray:
        """The layers one by one, centred (what all messages share says nothing), on their main axes, of unit length."""
        layers = np.stack(np.split(vectors - self._centre, LAYERS, axis=1)).astype(np.float32) @ self._axes
        return layers / np.maximum(np.linalg.norm(layers, axis=2, keepdims=True), 1e-9)


def _likeness(layers: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How alike texts are to the known ones in meaning, 0 to 1: the mean over the layers."""
    total = np.zeros((layers.shape[1], known.shape[1]), dtype=np.float32)
    for layer, examples in zip(layers, known):
        near = layer @ examples.T
        near -= 1
        near *= 2
        total += np.exp(near, out=near)
    total /= LAYERS
    return total


def _main_axes(centred: np.ndarray) -> np.ndarray:
    """The axes along which each layer varies most, as an array of shape ``(LAYERS, layer's size, AXES)``."""
    layers = np.split(centred.astype(np.float64), LAYERS, axis=1)
    # Eigenvectors come in the order of rising eigenvalues.
    return np.stack([np.linalg.eigh(layer.T @ layer)[1][:, -AXES:] for layer in layers]).astype(np.float32)


def rank(message: Message, chances: Mapping[Text, float]) -> None:
    """Put intents on a message by their chances, which are made to sum to 1, the likeliest first."""
    total = sum(chances.values()) or 1.0
    ranking = [
        {INTENT_NAME_KEY: name, PREDICTED_CONFIDENCE_KEY: chance / total}
        for name, chance in sorted(chances.items(), key=lambda item: -item[1])
    ]
    message.set(INTENT, ranking[0], add_to_output=True)
    message.set(RANKING, ranking, add_to_output=True)


def chances_of(message: Message) -> Dict[Text, float]:
    """The intents on a message with their chances."""
    return {row[INTENT_NAME_KEY]: row[PREDICTED_CONFIDENCE_KEY] for row in message.get(RANKING) or []}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class IntentModel(GraphComponent, IntentClassifier):
    """Ranks every intent for a message, the likeliest first."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [Featurizer]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"spelling": 0.4, "words": 0.4, "ridge": 0.15, "sharpness": 15.0}

    def __init__(self, config: Dict[Text, Any], storage: ModelStorage, resource: Resource) -> None:
        self._sharpness = config["sharpness"]
        self._storage = storage
        self._resource = resource
        self._model = KernelRegression(config["spelling"], config["words"], config["ridge"])

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
        self._model.fit([m.get(TEXT) for m in examples], vectors_of(examples), [m.get(INTENT) for m in examples])
        with self._storage.write_to(self._resource) as folder:
            joblib.dump(self._model, folder / FILE)
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
            loaded._model = joblib.load(folder / FILE)
        return loaded

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            if message.get(TEXT):
                self._rank(message)
        return messages

    def _rank(self, message: Message) -> None:
        scores = self._model.scores([message.get(TEXT)], vectors_of([message]))
        chances = confidences(scores, self._sharpness)[0]
        rank(message, dict(zip(self._model.classes, chances.tolist())))
        # For the danger net, which reads the scores themselves, of a long text's windows too.
        if message.get(WINDOWS):
            scores = np.vstack([scores, self._model.scores(*message.get(WINDOWS))])
        message.set(SCORES, [dict(zip(self._model.classes, row.tolist())) for row in scores])


def confidences(scores: np.ndarray, sharpness: float) -> np.ndarray:
    """Turn scores into numbers that sum to 1, row by row."""
    raised = np.exp(sharpness * (scores - scores.max(1, keepdims=True)))
    return raised / raised.sum(1, keepdims=True)
