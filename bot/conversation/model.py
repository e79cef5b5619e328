"""Which trained model belongs to the sources as they stand, and training it when there is none."""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

_SOURCES = (
    "config.yml",
    "domain/**/*.yml",
    "nlu/**/*.yml",
    "stories/**/*.yml",
    "engine/*.py",
    "engine/requirements.txt",
)
_HASH_DIGITS = 16


class TrainingFailed(Exception):
    """Rasa could not train; the message holds the end of what it said."""


def fingerprint(home: Path) -> str:
    """Hash over every source of the model, as 16 hexadecimal digits."""
    total = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(home.glob(pattern)):
            total.update(f"{path.relative_to(home)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:_HASH_DIGITS]


def model_path(home: Path) -> Path:
    """Where the model of the sources as they stand is, or will be."""
    return home / "models" / f"handrail-{fingerprint(home)}.tar.gz"


def is_intact(model: Path) -> bool:
    """Whether the model is there and is the very file that training wrote: no other is ever loaded."""
    seal = model.with_suffix(".sha256")
    return model.exists() and seal.exists() and seal.read_text().strip() == _sha256(model)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def train(home: Path, say: Callable[[str], None]) -> Path:
    """Train the model of the sources as they stand, unless it is there already; returns its path.

    Raises:
        TrainingFailed: Rasa ended with an error.
    """
    model = model_path(home)
    if is_intact(model):
        return model
    model.parent.mkdir(exist_ok=True)
    with (model.parent / ".lock").open("w") as lock:
        # Two that start at once train once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_intact(model):
            _train(home, model, say)
    return model


def _train(home: Path, model: Path, say: Callable[[str], None]) -> None:
    say("training the dialogue model (about two minutes, once for these sources)")
    python = home / "engine" / ".venv" / "bin" / "python"
    if not python.exists():
        raise TrainingFailed(f"{python} is missing: run `make setup`")
    arguments = [
        str(python), "-m", "engine", "train", "--config", "config.yml", "--domain", "domain",
        "--data", "nlu", "stories", "--out", "models", "--fixed-model-name", model.name.removesuffix(".tar.gz"),
    ]  # fmt: skip
    environment = {**os.environ, "HANDRAIL_ACTIONS_URL": "http://127.0.0.1:9/", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
        arguments, cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or not model.exists():
        raise TrainingFailed((done.stdout + done.stderr)[-3_000:])
    model.with_suffix(".sha256").write_text(_sha256(model) + "\n")
    for old in sorted((home / "models").glob("handrail-*"), key=lambda p: p.stat().st_mtime)[:-6]:
        old.unlink()
