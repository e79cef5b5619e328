"""The engine's own components, in the engine's own Python: scores, roles, levels and windows."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).resolve().parents[2]
ENGINE = HOME / "engine" / ".venv" / "bin" / "python"
PROGRAM = """
import json
import numpy as np
from engine.danger import answerable, findings, suspected
from engine.encoder import LAYERS, SIZE, MiniLM
from engine.intents import KernelRegression, confidences
from engine.roles import weigh

encoder = MiniLM(32)
texts = ["good morning to you", "hello there", "I want a drink so badly", "craving a beer", "I want to die tonight",
         "going to kill myself"]
labels = ["greet", "greet", "report_craving", "report_craving", "danger_suicide", "danger_suicide"]
model = KernelRegression(0.2, 0.2, 0.15).fit(texts, encoder.vectors(texts), labels)
asked = ["hello to you", "I need a beer", "I am going to kill myself tonight"]
scores = model.scores(asked, encoder.vectors(asked))
long = "the bus was late and the rain came down " * 20 + "and I want to die"
print(json.dumps({
    "size": encoder.vectors(asked).shape[1] == LAYERS * SIZE,
    "told": [model.classes[i] for i in scores.argmax(1)],
    "sums": confidences(scores, 12.0).sum(1).round(6).tolist(),
    "same": bool(np.allclose(scores, KernelRegression(0.2, 0.2, 0.15)
                             .fit(texts, encoder.vectors(texts), labels).scores(asked, encoder.vectors(asked)))),
    "short": encoder.windows("a short text"),
    "windows": encoder.windows(long),
    "long": long,
    "family": weigh({"report_low_mood": 0.5, "report_craving": 0.3, "family_own_care": 0.2}, "family", 0.2, 0.0),
    "client": weigh({"family_help": 0.5, "ask_help": 0.5}, "client", 0.2, 0.0),
    "harmless": answerable({"harmless": 0.8, "danger_medical": 0.1, "greet": 0.1}, False, 0.1),
    "in danger": answerable({"harmless": 0.1, "danger_medical": 0.8, "greet": 0.1}, True, 0.1),
    "suspected": [suspected([], {"name": name, "confidence": sure}, 0.95)
                  for name, sure in (("danger_medical", 0.96), ("danger_medical", 0.9), ("greet", 0.99))],
    "none": findings([{"greet": 0.9, "danger_suicide": 0.1}], 0.8, 0.6),
    "shared": findings([{"greet": 0.3, "danger_suicide": 0.4, "danger_overdose": 0.3}], 0.8, 0.6),
    "highest": findings([{"danger_suicide": 0.1, "greet": 0.9}, {"danger_suicide": 0.95, "greet": 0.0},
                         {"danger_medical": 0.65, "greet": 0.3}], 0.8, 0.6),
}))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    answer = subprocess.run(
        [str(ENGINE), "-W", "ignore", "-c", PROGRAM], cwd=HOME, capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def test_a_message_is_told_by_what_it_is_like(told: dict[str, Any]) -> None:
    assert told["size"]
    assert told["told"] == ["greet", "report_craving", "danger_suicide"]
    assert told["sums"] == [1.0, 1.0, 1.0]


def test_training_twice_gives_the_same(told: dict[str, Any]) -> None:
    assert told["same"]


def test_a_long_text_is_read_to_its_end(told: dict[str, Any]) -> None:
    assert told["short"] == ["a short text"]
    windows = told["windows"]
    assert len(windows) > 3
    assert all(window in told["long"] for window in windows)
    assert windows[0].startswith("the bus was late")
    assert windows[-1].endswith("and I want to die")


def test_a_relative_has_no_craving_here_and_a_low_mood_asks_for_care(told: dict[str, Any]) -> None:
    assert told["family"] == pytest.approx({"family_own_care": 1.0, "report_craving": 0.0})


def test_a_client_asks_what_relatives_ask_only_seldom(told: dict[str, Any]) -> None:
    assert told["client"]["ask_help"] > told["client"]["family_help"] > 0


def test_danger_is_the_sum_of_its_kinds_and_the_largest_names_it(told: dict[str, Any]) -> None:
    assert told["none"] == []
    assert told["shared"] == [{"kind": "suicide", "level": "possible", "probability": 0.7}]


def test_of_a_text_and_its_windows_the_highest_wins(told: dict[str, Any]) -> None:
    assert [(found["kind"], found["level"]) for found in told["highest"]] == [
        ("suicide", "definite"),
        ("medical", "possible"),
    ]


def test_what_is_known_to_be_harmless_is_no_intent_and_no_danger_either(told: dict[str, Any]) -> None:
    assert told["harmless"] == pytest.approx({"greet": 0.1, "nlu_fallback": 0.08})
    assert told["in danger"] == pytest.approx({"danger_medical": 0.8, "greet": 0.1, "nlu_fallback": 0.01})


def test_the_likeliest_intent_of_all_is_a_danger_that_is_asked_about(told: dict[str, Any]) -> None:
    first, second, third = told["suspected"]
    assert [(row["kind"], row["level"]) for row in first] == [("medical", "possible")]
    assert second == third == []
