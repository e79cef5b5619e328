"""The real service as a process: what is written to it while the database, or its standard input, is not as it should be."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.behaviour.test_demo import HANDRAIL, run

PRACTICE = HANDRAIL.parent.parent.parent / "demo" / "practice.yml"
# The first start trains the dialogue model, if nothing has yet.
WITHIN = 200.0


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    """A data folder with the made-up practice in it, every safety text signed."""
    for command in (("practice", "load", str(PRACTICE)), ("content", "sign", "--by", "Ann Doe", "--yes")):
        done = run(*command, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    return tmp_path


@contextmanager
def service(folder: Path, given: int) -> Iterator[subprocess.Popen[bytes]]:
    """`handrail run`, with its output in a file of the folder."""
    with (folder / "said").open("wb") as said, (folder / "told").open("wb") as told:
        process = subprocess.Popen(
            [str(HANDRAIL), "run"],
            stdin=given,
            stdout=said,
            stderr=told,
            env={**os.environ, "HANDRAIL_DATA": str(folder / "data")},
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
            if process.stdin:
                process.stdin.close()


def until(folder: Path, name: str, words: str) -> str:
    """Wait until the service has said something; returns all that it said."""
    give_up = time.monotonic() + WITHIN
    while words not in (text := (folder / name).read_text()):
        assert time.monotonic() < give_up, f"it never said {words!r}; it said: {text}"
        time.sleep(0.05)
    return text


def write(process: subprocess.Popen[bytes], text: str) -> None:
    assert process.stdin
    process.stdin.write(text.encode() + b"\n")
    process.stdin.flush()


@pytest.mark.mission("M36")
def test_what_is_written_while_the_database_is_locked_is_kept_when_it_opens_again(practice: Path) -> None:
    with service(practice, subprocess.PIPE) as process:
        until(practice, "told", "Handrail is running")
        write(process, "no colon here")
        until(practice, "told", "Write KEY: TEXT")
        lock = sqlite3.connect(practice / "data" / "handrail.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        write(process, "maya: I am going to kill myself tonight")
        until(practice, "told", "This message is kept on disk")
        assert "call your local emergency number" in until(practice, "said", "In the US that is 911")
        write(process, "theo: i took all my pills \x1b]0;owned\x07\x1b[2J")
        lock.execute("ROLLBACK")
        lock.close()
        said = until(practice, "said", "ALERT 2")
        assert "to maya:" in said
        assert "to theo:" in said
        write(process, "ruth: 2v")
        said = until(practice, "said", "i took all my pills")
        assert "\x1b" not in said, "what a person wrote does not act on the terminal of whoever reads it"
    assert process.returncode == 0


def test_with_nothing_on_its_standard_input_it_runs_on(practice: Path) -> None:
    with service(practice, subprocess.DEVNULL) as process:
        until(practice, "told", "Handrail is running")
        time.sleep(1.5)
        assert process.poll() is None
    assert process.returncode == 0
