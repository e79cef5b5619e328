"""Which classifier hears danger best: an experiment, run with the engine's Python.

    engine/.venv/bin/python -m benchmarks.understanding words kernel tuned

Each one learns from `nlu/` and is asked about the held-out messages of `tests/engine/data/`, which none has seen. What won,
and why: `docs/decisions/0004-understanding.md`.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import yaml
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks.evaluation import HELD_OUT, HOME, KINDS, Example, Understanding, examples
from engine.danger import PREFIX
from engine.encoder import MiniLM
from engine.intents import WORD

LONGEST, BATCH, EPOCHS, RATE = 64, 32, 2, 1e-4


@dataclass(frozen=True)
class Asked:
    """A held-out message: whether it tells of danger, how it is told, in which language."""

    text: str
    danger: bool
    style: str
    language: str


def learned() -> list[Example]:
    """Every message to learn from, each text once."""
    rows = examples((HOME / "nlu").glob("*.yml"))
    return list({row.text.casefold(): row for row in rows}.values())


def asked() -> list[Asked]:
    rows = yaml.safe_load((HELD_OUT / "danger.yml").read_text(encoding="utf-8"))
    return [Asked(row["text"], bool(row["kinds"]), row["style"], row["language"]) for row in rows]


def places(rows: Sequence[Example]) -> np.ndarray:
    """0 for no danger, else 1 and the place of its kind."""
    return np.array(
        [1 + KINDS.index(row.intent.removeprefix(PREFIX)) if row.intent.startswith(PREFIX) else 0 for row in rows]
    )


def by_words(rows: Sequence[Example], texts: Sequence[str]) -> np.ndarray:
    """Pieces of words and words, logistic regression; no encoder."""
    models = [
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=3, sublinear_tf=True, max_features=60_000),
        TfidfVectorizer(ngram_range=(1, 3), min_df=2, sublinear_tf=True, token_pattern=WORD),
    ]
    known = hstack([model.fit_transform([row.text.lower() for row in rows]) for model in models]).tocsr()
    new = hstack([model.transform([text.lower() for text in texts]) for model in models]).tocsr()
    classifier = LogisticRegression(C=20, max_iter=60).fit(known, places(rows))
    return 1 - classifier.predict_proba(new)[:, 0]


def by_likeness(rows: Sequence[Example], texts: Sequence[str]) -> np.ndarray:
    """The engine's own classifier."""
    engine = Understanding()
    model = engine.train(rows)
    scores = engine.scores(model, texts)
    return scores[:, [at for at, name in enumerate(model.classes) if name.startswith(PREFIX)]].sum(1)


def by_tuning(rows: Sequence[Example], texts: Sequence[str]) -> np.ndarray:
    """The encoder tuned as a whole, on intents and danger together."""
    import tensorflow as tf
    from transformers import AutoTokenizer, TFAutoModel

    folder = str(MiniLM._folder())
    tokenizer, chance = AutoTokenizer.from_pretrained(folder), np.random.default_rng(1)
    names, intents = np.unique([row.intent for row in rows], return_inverse=True)
    kinds = places(rows)
    encoder = TFAutoModel.from_pretrained(folder)
    tokens = tf.keras.Input((None,), dtype=tf.int32)
    there = tf.cast(tokens > 0, tf.int32)
    states = encoder(input_ids=tokens, attention_mask=there).last_hidden_state
    weights = tf.cast(there, tf.float32)[:, :, None]
    mean = tf.keras.layers.Dropout(0.1)(tf.reduce_sum(states * weights, 1) / tf.reduce_sum(weights, 1))
    heads = [tf.keras.layers.Dense(len(names))(mean), tf.keras.layers.Dense(len(KINDS) + 1)(mean)]
    model = tf.keras.Model(tokens, heads)
    cut = tokenizer([row.text for row in rows], truncation=True, max_length=LONGEST)["input_ids"]
    steps = EPOCHS * (len(rows) // BATCH)
    rate = tf.keras.optimizers.schedules.PolynomialDecay(RATE, steps, 0.0)
    optimizer = tf.keras.optimizers.AdamW(rate, weight_decay=0.01)
    loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.int32), *[tf.TensorSpec([None], tf.int32)] * 2],
        reduce_retracing=True,
    )
    def step(batch, wanted, danger):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            said = model(batch, training=True)
            loss = loss_of(wanted, said[0]) + loss_of(danger, said[1])
        slopes, _ = tf.clip_by_global_norm(tape.gradient(loss, model.trainable_variables), 1.0)
        # `strict` is not known where TensorFlow compiles this step.
        optimizer.apply_gradients(zip(slopes, model.trainable_variables))  # noqa: B905

    for _ in range(EPOCHS):
        for batch in _batches(cut, chance):
            step(_padded([cut[at] for at in batch]), intents[batch].astype(np.int32), kinds[batch].astype(np.int32))
    new = tokenizer(list(texts), truncation=True, max_length=128)["input_ids"]
    said = np.vstack([model(_padded(new[at : at + BATCH]), training=False)[1] for at in range(0, len(new), BATCH)])
    raised = np.exp(said - said.max(1, keepdims=True))
    return 1 - raised[:, 0] / raised.sum(1)


def _batches(cut: Sequence[Sequence[int]], chance: np.random.Generator) -> list[np.ndarray]:
    """Messages of about the same length together, in any order."""
    order = chance.permutation(len(cut))
    found = []
    for at in range(0, len(order), BATCH * 20):
        part = sorted(order[at : at + BATCH * 20], key=lambda row: len(cut[row]))
        found += [np.array(part[start : start + BATCH]) for start in range(0, len(part), BATCH)]
    return [found[at] for at in chance.permutation(len(found))]


def _padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    width = max(map(len, rows))
    return np.array([[*row, *[0] * (width - len(row))] for row in rows], dtype=np.int32)


WAYS: dict[str, Callable[[Sequence[Example], Sequence[str]], np.ndarray]] = {
    "words": by_words,
    "kernel": by_likeness,
    "tuned": by_tuning,
}


def report(name: str, messages: Sequence[Asked], scores: np.ndarray, taken: float) -> None:
    """Recall where so many of the near misses raise something; the area tells the same without a threshold."""
    danger = np.array([row.danger for row in messages])
    near = np.array([row.style == "near_miss" for row in messages])
    print(f"\n{name}: area {roc_auc_score(danger, scores):.3f}, learned and asked in {taken:.0f} s")
    for share in (0.05, 0.1, 0.2):
        bar = np.quantile(scores[near], 1 - share)
        found = {
            group: float(
                np.mean(scores[danger & np.array([group in (row.style, row.language) for row in messages])] > bar)
            )
            for group in ("plain", "oblique", "en", "es")
        }
        shown = ", ".join(f"{group} {value:.1%}" for group, value in found.items())
        print(f"  {share:.0%} of near misses: {np.mean(scores[danger] > bar):.1%} of dangers ({shown})")


def main() -> None:
    options = argparse.ArgumentParser(description="Which classifier hears danger best.")
    options.add_argument("ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    given = options.parse_args()
    rows, messages = learned(), asked()
    print(f"{len(rows)} messages to learn from, {len(messages)} held out")
    for name in given.ways:
        begun = time.monotonic()
        scores = WAYS[name](rows, [row.text for row in messages])
        report(name, messages, scores, time.monotonic() - begun)


if __name__ == "__main__":
    sys.exit(main())
