"""How well messages and danger are understood, as tables: `make eval`. Run with the engine's Python.

The classifier that the engine uses is trained here anew: once a fold on the examples in `nlu/`, once on all of them for
the held-out messages in `tests/engine/data/`. Net 1 runs in its own Python, as `handrail screen`.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import yaml
from sklearn.model_selection import StratifiedKFold

from benchmarks.comparison import compare
from engine.danger import PREFIX, DangerNet, answerable, findings, suspected
from engine.encoder import MiniLM
from engine.intents import IntentModel, KernelRegression, confidences
from engine.roles import CLIENT_ONLY, FOR_FAMILY, RoleFilter, weigh

HOME = Path(__file__).resolve().parent.parent
HELD_OUT = HOME / "tests" / "engine" / "data"
CLIENT_FILES = frozenset({"craving", "lapse", "mood", "plan", "skills", "check_in", "client"})
ROLES = ("client", "family")
KINDS = ("overdose", "medical", "violence", "suicide", "withdrawal", "impaired", "self_harm")
FALLBACK = "nlu_fallback"


@dataclass(frozen=True)
class Example:
    """A message, what it means, and who may write it."""

    text: str
    intent: str
    source: str

    @property
    def roles(self) -> tuple[str, ...]:
        if self.intent.startswith("family_"):
            return ("family",)
        return ("client",) if self.intent in CLIENT_ONLY or self.source in CLIENT_FILES else ROLES


def examples(paths: Iterable[Path]) -> list[Example]:
    """The examples of Rasa's training files."""
    rows = []
    for path in sorted(paths):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            lines = (line.strip() for line in block["examples"].splitlines())
            rows += [Example(line[2:], block["intent"], path.stem) for line in lines if line.startswith("- ")]
    return rows


class Understanding:
    """The pipeline of `config.yml` without Rasa around it, so that folds take seconds."""

    def __init__(self) -> None:
        parts = {part["name"]: part for part in yaml.safe_load((HOME / "config.yml").read_text())["pipeline"]}
        self.intents = {**IntentModel.get_default_config(), **parts["engine.intents.IntentModel"]}
        self.danger = {**DangerNet.get_default_config(), **parts["engine.danger.DangerNet"]}
        self.roles = {**RoleFilter.get_default_config(), **parts["engine.roles.RoleFilter"]}
        self.fallback = parts["FallbackClassifier"]
        self._encoder = MiniLM(parts["engine.encoder.SentenceEncoder"]["max_tokens"])
        self._known: dict[str, np.ndarray] = {}

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._encoder.vectors(new), strict=True))
        return np.stack([self._known[text] for text in texts])

    def train(self, rows: Sequence[Example]) -> KernelRegression:
        model = KernelRegression(self.intents["spelling"], self.intents["words"], self.intents["ridge"])
        texts = [row.text for row in rows]
        return model.fit(texts, self.vectors(texts), [row.intent for row in rows])

    def scores(self, model: KernelRegression, texts: Sequence[str]) -> np.ndarray:
        return model.scores(texts, self.vectors(texts))

    def intent(self, classes: Sequence[str], scores: np.ndarray, role: str) -> tuple[str, bool]:
        """The likeliest intent for a writer of that role, and whether Rasa's fallback would take its place."""
        chances = dict(zip(classes, confidences(scores[None, :], self.intents["sharpness"])[0], strict=True))
        found = bool(self.level(classes, scores))
        known = answerable(chances, found, self.danger["harmless"])
        ranked = weigh(known, role, self.roles["client_on_family"], self.roles["family_on_client"])
        (first, sure), (_, next_sure) = sorted(ranked.items(), key=lambda item: -item[1])[:2]
        unsure = sure < self.fallback["threshold"] or sure - next_sure < self.fallback["ambiguity_threshold"]
        return first, unsure

    def sure(self, scores: np.ndarray) -> np.ndarray:
        """How sure the classifier is of the likeliest intent, row by row."""
        top = np.sort(confidences(scores, self.intents["sharpness"]), 1)
        return top[:, -1] * (top[:, -1] - top[:, -2])

    def level(self, classes: Sequence[str], scores: np.ndarray) -> dict[str, str]:
        """What net 2 finds: level by kind."""
        found = findings([dict(zip(classes, scores, strict=True))], self.danger["definite"], self.danger["possible"])
        chances = confidences(scores[None, :], self.intents["sharpness"])[0]
        likeliest = {"name": classes[int(chances.argmax())], "confidence": float(chances.max())}
        found = suspected(found, likeliest, self.danger["suspected"])
        return {row["kind"]: row["level"] for row in found}


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def share(hits: int, of: int) -> str:
    """A share with its interval, as it stands in the tables."""
    low, high = wilson(hits, of)
    return f"{hits:4d}/{of:<4d} {hits / of:6.1%} ({low:.1%} to {high:.1%})" if of else "   –"


def is_right(row: Example, role: str, told: str) -> bool:
    wanted = FOR_FAMILY.get(row.intent, row.intent) if role == "family" else row.intent
    return told == wanted


def by_intent(
    title: str, engine: Understanding, rows: Sequence[Example], classes: list[str], scores: np.ndarray
) -> None:
    """Print accuracy over all and over intents, and what is confused most."""
    marks: dict[str, list[float]] = {}
    mixed: Counter[tuple[str, str]] = Counter()
    unsure = 0.0
    for row, line in zip(rows, scores, strict=True):
        for role in row.roles:
            told, fell = engine.intent(classes, line, role)
            good = is_right(row, role, told)
            marks.setdefault(row.intent, []).append(float(good))
            unsure += fell / len(row.roles)
            mixed[(row.intent, told)] += not good
    weights = Counter(row.intent for row in rows)
    each = {name: float(np.mean(values)) for name, values in marks.items()}
    micro = sum(each[name] * count for name, count in weights.items()) / len(rows)
    print(f"\n{title}: {len(rows)} messages, {len(each)} intents")
    print(
        f"  accuracy {micro:.3f}   mean over intents {np.mean(list(each.values())):.3f}   fallback {unsure / len(rows):.1%}"
    )
    worst = sorted(each.items(), key=lambda item: item[1])[:6]
    print("  lowest recall: " + ", ".join(f"{name} {value:.2f}" for name, value in worst))
    print("  confused most: " + ", ".join(f"{a} → {b} {n}" for (a, b), n in mixed.most_common(10)))


def folded(engine: Understanding, rows: Sequence[Example]) -> tuple[list[str], np.ndarray]:
    """Scores of every example by a model that has not seen it (5 folds)."""
    labels = [row.intent for row in rows]
    classes = sorted(set(labels))
    scores = np.zeros((len(rows), len(classes)))
    for seen, unseen in StratifiedKFold(5, shuffle=True, random_state=7).split(labels, labels):
        model = engine.train([rows[i] for i in seen])
        scores[unseen] = engine.scores(model, [rows[i].text for i in unseen])
    return classes, scores


def screened(rows: Sequence[dict[str, str]]) -> list[dict[str, str]] | None:
    """What net 1 finds in each text, level by kind, or nothing where the application is not installed."""
    command = HOME / ".venv" / "bin" / "handrail"
    if not command.exists():
        return None
    lines = "".join(json.dumps({"id": i, "text": r["text"], "role": r["role"]}) + "\n" for i, r in enumerate(rows))
    answer = subprocess.run([str(command), "screen"], input=lines, capture_output=True, text=True, check=True, cwd=HOME)
    found: list[dict[str, str]] = [{} for _ in rows]
    for line in answer.stdout.splitlines():
        row = json.loads(line)
        for finding in row["findings"]:
            if found[row["id"]].get(finding["kind"]) != "definite":
                found[row["id"]][finding["kind"]] = finding["level"]
    return found


def joined(one: Sequence[dict[str, str]], other: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Both nets together: either alone acts, the stronger level counts."""
    rows = []
    for a, b in zip(one, other, strict=True):
        definite = {k for found in (a, b) for k, level in found.items() if level == "definite"}
        rows.append({kind: "definite" if kind in definite else "possible" for kind in {**a, **b}})
    return rows


def any_level(found: dict[str, str], levels: set[str]) -> bool:
    return any(level in levels for level in found.values())


def danger_tables(rows: Sequence[dict], nets: dict[str, list[dict[str, str]]]) -> None:
    """Recall, precision and false alarms of each net on the labelled danger messages."""
    both = {"definite", "possible"}
    for name, found in nets.items():
        real = [i for i, row in enumerate(rows) if row["kinds"]]
        none = [i for i, row in enumerate(rows) if not row["kinds"]]
        caught = sum(any_level(found[i], both) for i in real)
        wrong = sum(any_level(found[i], both) for i in none)
        print(f"\n{name}")
        print(f"  recall, any level     {share(caught, len(real))}")
        print(f"  recall, definite      {share(sum(any_level(found[i], {'definite'}) for i in real), len(real))}")
        kind = sum(bool(set(found[i]) & set(rows[i]["kinds"])) for i in real)
        print(f"  and the kind is right {share(kind, len(real))}")
        print(f"  precision             {share(caught, caught + wrong)}")
        print(f"  false alarm, any      {share(wrong, len(none))}")
        print(f"  false alarm, definite {share(sum(any_level(found[i], {'definite'}) for i in none), len(none))}")
        for key in ("style", "language", "role"):
            for value in sorted({row[key] for row in rows}):
                for label, some in (("recall", real), ("false alarm", none)):
                    group = [i for i in some if rows[i][key] == value]
                    if group:
                        hits = sum(any_level(found[i], both) for i in group)
                        print(f"    {key:9s}{value:12s}{label:12s}{share(hits, len(group))}")
        for value in KINDS:
            group = [i for i in real if value in rows[i]["kinds"]]
            hits = sum(any_level(found[i], both) for i in group)
            told = [i for i in range(len(rows)) if value in found[i]]
            right = sum(value in rows[i]["kinds"] for i in told)
            print(
                f"    kind     {value:12s}recall      {share(hits, len(group))}   precision {share(right, len(told))}"
            )


def worst(rows: Sequence[dict], scores: np.ndarray, found: list[dict[str, str]], most: int = 12) -> None:
    """Print the dangers that were missed by most, and the harmless messages that were taken for danger most surely."""
    order = np.argsort(scores)
    missed = [i for i in order if rows[i]["kinds"] and not found[i]]
    alarmed = [i for i in order[::-1] if not rows[i]["kinds"] and found[i]]
    for title, some in (("Dangers missed", missed), ("False alarms", alarmed)):
        print(f"\n{title}: {len(some)}; the worst by net 2's score")
        for i in some[:most]:
            told = ", ".join(rows[i]["kinds"]) or ", ".join(f"{kind} {level}" for kind, level in found[i].items())
            print(f"  {scores[i]:5.2f}  {told:24s} {rows[i]['text'][:110]}")


def totals(classes: Sequence[str], scores: np.ndarray) -> np.ndarray:
    """Net 2's score of danger, row by row."""
    return scores[:, [name.startswith(PREFIX) for name in classes]].sum(1)


def as_danger(row: Example) -> dict:
    """A training example as the held-out messages of danger are written down."""
    kind = row.intent.removeprefix(PREFIX)
    return {
        "text": row.text,
        "kinds": [kind] if row.intent.startswith(PREFIX) else [],
        "style": "danger"
        if row.intent.startswith(PREFIX)
        else "near_miss"
        if "near_miss" in row.source
        else "ordinary",
        "language": "es" if row.source.endswith("_es") else "en",
        "role": "family" if row.intent.startswith("family_") else "client",
    }


def clinc(path: Path, engine: Understanding, model: KernelRegression) -> None:
    """False alarms and started flows on ordinary messages of other people (CLINC150, validation split)."""
    if not path.exists():
        print(f"\nCLINC150: left out, {path} is not here")
        return
    data = json.loads(path.read_text(encoding="utf-8"))
    for part in ("val", "oos_val"):
        texts = [text for text, _ in data[part]]
        scores = engine.scores(model, texts)
        found = [engine.level(model.classes, line) for line in scores]
        net1 = screened([{"text": text, "role": "client"} for text in texts])
        print(f"\nCLINC150 {part}: {len(texts)} ordinary messages")
        for name, some in (("net 1", net1), ("net 2", found)):
            if some is not None:
                print(f"  {name} definite {share(sum(any_level(f, {'definite'}) for f in some), len(texts))}")
                print(f"  {name} any      {share(sum(bool(f) for f in some), len(texts))}")
        told: Counter[str] = Counter()
        for line in scores:
            intent, unsure = engine.intent(model.classes, line, "client")
            told[FALLBACK if unsure else intent] += 1
        quiet = told["out_of_scope"] + told[FALLBACK] + told["small_talk"]
        print(f"  out_of_scope, small_talk or fallback {share(quiet, len(texts))}")
        print(
            "  else: "
            + ", ".join(
                f"{n} {c}" for n, c in told.most_common(12) if n not in ("out_of_scope", FALLBACK, "small_talk")
            )
        )


def clinc_bed(path: Path, engine: Understanding) -> None:
    """The same classifier taught CLINC150's own intents: in-scope accuracy, and what it sends away from outside of them.

    Where it must be unsure is taken from the training part alone: a tenth of it, held back, loses one in thirty.
    """
    if not path.exists():
        return
    data = json.loads(path.read_text(encoding="utf-8"))
    rows = [Example(text, intent, "clinc") for text, intent in data["train"]]
    order = np.random.default_rng(7).permutation(len(rows))
    held, kept = order[: len(rows) // 10], order[len(rows) // 10 :]
    first = engine.train([rows[i] for i in kept])
    sure = np.sort(engine.sure(engine.scores(first, [rows[i].text for i in held])))
    bar = sure[len(sure) // 30]
    model = engine.train(rows)
    scores = engine.scores(model, [text for text, _ in data["val"]])
    right = [
        model.classes[int(line.argmax())] == intent and sure >= bar
        for line, sure, (_, intent) in zip(scores, engine.sure(scores), data["val"], strict=True)
    ]
    outside = engine.sure(engine.scores(model, [text for text, _ in data["oos_val"]])) < bar
    print(f"\nCLINC150 as a test bed: {len(model.classes)} intents, {len(rows)} messages to learn from")
    print(f"  in scope, right and sure enough {share(sum(right), len(right))}")
    print(f"  out of scope, sent away         {share(int(outside.sum()), len(outside))}")


def thresholds(classes: list[str], scores: np.ndarray, rows: Sequence[Example]) -> None:
    """Net 2 on the examples themselves, unseen: recall and false alarms by level of the score."""
    total = totals(classes, scores)
    real = np.array([row.intent.startswith(PREFIX) for row in rows])
    near = np.array([row.source.startswith("near_miss") for row in rows])
    print("\nNet 2 by its score, 5 folds:  recall   near misses   other ordinary examples")
    for bar in (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0):
        over = total >= bar
        ordinary = over[~real & ~near].mean()
        print(
            f"  {bar:.2f}                        {over[real].mean():6.1%}   {over[near].mean():6.1%}        {ordinary:6.2%}"
        )


def main() -> None:
    options = argparse.ArgumentParser(description="How well messages and danger are understood.")
    options.add_argument("--clinc", type=Path, default=HOME.parent / "shared" / "data" / "clinc150_train_val.json")
    options.add_argument(
        "--quick",
        action="store_true",
        help="leave out folds, test bed and the comparison",
    )
    given = options.parse_args()

    engine = Understanding()
    rows = examples((HOME / "nlu").glob("*.yml"))
    if not given.quick:
        classes, scores = folded(engine, rows)
        by_intent("Five folds over nlu/", engine, rows, classes, scores)
        thresholds(classes, scores, rows)
        found = [engine.level(classes, line) for line in scores]
        danger_tables([as_danger(row) for row in rows], {"Net 2, five folds over nlu/": found})

    model = engine.train(rows)
    for name in ("common", "client", "family"):
        held = examples([HELD_OUT / f"{name}.yml"])
        scores = engine.scores(model, [row.text for row in held])
        by_intent(f"Held out, {name}", engine, held, model.classes, scores)

    messages = yaml.safe_load((HELD_OUT / "danger.yml").read_text(encoding="utf-8"))
    print(f"\nDanger: {len(messages)} held-out messages")
    seen = engine.scores(model, [row["text"] for row in messages])
    net2 = [engine.level(model.classes, line) for line in seen]
    nets = {"Net 2, the model": net2}
    net1 = screened(messages)
    if net1 is None:
        print("  net 1 left out: the application is not installed (`make setup`)")
    else:
        nets = {"Net 1, the screen": net1, **nets, "Both nets": joined(net1, net2)}
    danger_tables(messages, nets)
    worst(messages, totals(model.classes, seen), nets.get("Both nets", net2))
    clinc(given.clinc, engine, model)
    if not given.quick:
        clinc_bed(given.clinc, engine)
        held = [row for name in ("common", "client", "family") for row in examples([HELD_OUT / f"{name}.yml"])]
        compare([(row.text, row.intent) for row in rows], [(row.text, row.intent, row.roles[0]) for row in held])


if __name__ == "__main__":
    sys.exit(main())
