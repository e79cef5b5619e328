"""Handrail's pipeline beside the one that `rasa init` writes, on the same messages in one run. Run with the engine's Python.

The same examples, the same process, the same held-out messages: Rasa trains each pipeline and reads with it, one message
after another. Rasa's own learns by gradient descent for a hundred rounds, so that all 24,000 examples would take it hours;
both therefore learn from the same few of each intent.
"""

import asyncio
import logging
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")

import numpy as np
import yaml
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.model_training import train_nlu
from rasa.utils.log_utils import configure_structlog

HOME = Path(__file__).resolve().parent.parent
MOST = 40
FALLBACK = "nlu_fallback"
# What `rasa init` of Rasa 3.6 puts into config.yml.
DEFAULT: list[dict[str, Any]] = [
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
    {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True},
    {"name": "EntitySynonymMapper"},
    {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
]


@dataclass(frozen=True)
class Told:
    """What a pipeline did with the held-out messages: share of intents right, messages a second, seconds to train."""

    right: float
    mean: float
    rate: float
    trained: float


def few(examples: Sequence[tuple[str, str]], most: int = MOST) -> list[tuple[str, str]]:
    """At most so many examples of each intent, chosen evenly over all that there are."""
    by_intent: dict[str, list[str]] = defaultdict(list)
    for text, intent in examples:
        by_intent[intent].append(text)
    chosen = []
    for intent, texts in sorted(by_intent.items()):
        places = np.unique(np.linspace(0, len(texts) - 1, min(most, len(texts))).astype(int))
        chosen += [(texts[place], intent) for place in places]
    return chosen


def _written(folder: Path, pipeline: list[dict[str, Any]], examples: Sequence[tuple[str, str]]) -> tuple[Path, Path]:
    config, data = folder / "config.yml", folder / "nlu.yml"
    told = {"recipe": "default.v1", "assistant_id": "comparison", "language": "en", "pipeline": pipeline}
    config.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    by_intent: dict[str, list[str]] = defaultdict(list)
    for text, intent in examples:
        by_intent[intent].append(text)
    rows = [
        {"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)} for intent, texts in by_intent.items()
    ]
    data.write_text(yaml.safe_dump({"version": "3.1", "nlu": rows}, allow_unicode=True), encoding="utf-8")
    return config, data


def measured(
    pipeline: list[dict[str, Any]], examples: Sequence[tuple[str, str]], held: Sequence[tuple[str, str, str]]
) -> Told:
    """Train a pipeline and read with it the held-out ``(text, intent, role)``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, data = _written(folder, pipeline, examples)
        began = time.perf_counter()
        model = train_nlu(str(config), str(data), str(folder / "models"))
        trained = time.perf_counter() - began
        agent = Agent.load(model)

        async def read() -> list[str]:
            told = []
            for text, _, role in held:
                parsed = await agent.processor.parse_message(UserMessage(text, metadata={"role": role}))
                # The likeliest intent itself, whether or not a fallback would take its place.
                names = [row["name"] for row in parsed["intent_ranking"]]
                told.append(next(name for name in names if name != FALLBACK))
            return told

        asyncio.run(read())  # once to warm up
        began = time.perf_counter()
        told = asyncio.run(read())
        spent = time.perf_counter() - began
    hits: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for (_, intent, _), answer in zip(held, told, strict=True):
        of[intent] += 1
        hits[intent] += answer == intent
    mean = float(np.mean([hits[intent] / of[intent] for intent in of]))
    return Told(sum(hits.values()) / len(held), mean, len(held) / spent, trained)


def compare(examples: Sequence[tuple[str, str]], held: Sequence[tuple[str, str, str]]) -> None:
    """Print both, and how they compare."""
    # Otherwise each message is written to the screen, and that is measured too.
    configure_structlog(logging.WARNING)
    chosen = few(examples)
    ours = yaml.safe_load((HOME / "config.yml").read_text(encoding="utf-8"))["pipeline"]
    print(f"\nBeside what `rasa init` writes: {len(chosen)} examples to learn from, {len(held)} held-out messages")
    rows = {"Handrail": measured(ours, chosen, held), "rasa init": measured(DEFAULT, chosen, held)}
    for name, told in rows.items():
        print(
            f"  {name:10s} right {told.right:6.1%}   mean over intents {told.mean:.3f}   {told.rate:6.1f} messages/s   "
            f"{told.trained:5.0f} s to train"
        )
    a, b = rows.values()
    print(f"  {100 * (a.right - b.right):+.1f} points, {a.rate / b.rate:.2f} times the messages a second")
