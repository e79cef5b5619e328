"""The demo as a visitor and a script see it: seats, clock, engine switch, transcript."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.behaviour.world import World

HANDRAIL = Path(__file__).resolve().parent.parent.parent / ".venv" / "bin" / "handrail"
KEYS = {"at", "seat", "direction", "lane", "text", "buttons"}


def run(*arguments: str, given: str = "", folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the project with a data folder of its own."""
    environment = {**os.environ, "HANDRAIL_DATA": str(folder / "data"), "NO_COLOR": "1", "COLUMNS": "200"}
    environment.pop("HANDRAIL_DATABASE_URL", None)
    return subprocess.run(
        [str(HANDRAIL), *arguments],
        input=given,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=400,
    )


@pytest.mark.mission("M39")
def test_a_script_is_played_without_a_terminal(tmp_path: Path) -> None:
    script, transcript = tmp_path / "script.txt", tmp_path / "transcript.jsonl"
    script.write_text(
        "# a comment, and an empty line\n\n/as theo\ncraving is a 9\n/as staff\n1a\n/engine off\n/as family\n"
        "he wont wake up and his lips are blue\n/engine on\n/nonsense command\n/later never\n/as nobody\n/restart\n"
    )
    done = run("demo", "--script", str(script), "--transcript", str(transcript), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout

    rows = [json.loads(line) for line in transcript.read_text().splitlines()]
    assert all(KEYS <= set(row) <= KEYS | {"alert"} for row in rows)
    assert [row["text"] for row in rows if row["direction"] == "in"] == [
        "craving is a 9", "1a", "he wont wake up and his lips are blue", "/nonsense command", "/restart",
    ]  # fmt: skip
    assert {"theo", "staff", "family"} <= {row["seat"] for row in rows}
    crisis = [row for row in rows if row["lane"] == "crisis"]
    assert crisis
    assert "911" in crisis[0]["text"]
    assert crisis[0]["buttons"]
    alerts = [row for row in rows if "alert" in row]
    assert {row["alert"]["danger"] for row in alerts} == {"overdose"}
    assert all(row["at"].endswith("+00:00") for row in rows)


@pytest.mark.mission("M39")
def test_lines_from_standard_input_are_played(tmp_path: Path) -> None:
    done = run("demo", given="hi there\n/quit\nnever heard\n", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "hi there" in done.stdout
    assert "never heard" not in done.stdout


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    done = run("demo", "--script", str(tmp_path / "none.txt"), folder=tmp_path)
    assert done.returncode == 2
    assert "none.txt" in done.stderr


async def test_help_and_wrong_commands_answer_the_visitor(world: World) -> None:
    assert "/later 9h" in (await world.demo.hear("/help") or "")
    assert "Say how long" in (await world.demo.hear("/later soon") or "")
    assert "Say how long" in (await world.demo.hear("/later 9999d") or "")
    assert "Nobody here is called" in (await world.demo.hear("/as king") or "")
    assert "Theo" in (await world.demo.hear("/as theo") or "")


@pytest.mark.mission("M5")
async def test_the_check_in_comes_after_later(world: World) -> None:
    await world.demo.hear("/later 13h")
    line = world.client.hears("0.*10", lane="check-in")
    local = line.at.astimezone(__import__("zoneinfo").ZoneInfo("America/Los_Angeles"))
    assert (local.hour, local.minute) == (9, 0)
