"""Nothing that anyone wrote or is called can be read from the disk: every byte of every file is looked at."""

import base64
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from bot import demo, logs
from bot.app import EngineHost
from bot.content import Content
from bot.conversation.model import train
from bot.demo import Line
from bot.safety.screen import Screen
from bot.store import people
from bot.store.tables import ContactPointRow
from tests.behaviour.world import World

PRACTICE = """\
practice: {name: Zaffre Meridian House, country: US, time_zone: America/Los_Angeles}
people:
  - key: quillon
    seat: client
    role: client
    name: Quillon Abernethy-Zook
    check_in_at: "09:00"
    plan: plan.yml
    interventionist: thandeka
  - {key: oriel, seat: family, role: family, name: Oriel Wexcombe}
  - {key: thandeka, seat: staff, role: staff, name: Thandeka Brisbois}
  - {key: ludovic, role: staff, name: Ludovic Ferrante}
"""
PLAN = """\
substances: [alcohol]
people:
  - {name: Ambrose Vantongeren, relation: cousin, phone: "+1 510 555 0188", note: keeps the kayak}
after_lapse: [Sit with Ambrose in the orangery]
reasons: [My whippet Gossamer needs me, The pottery on Larkspur Lane]
triggers:
  - {name: Payday at the brickworks, skills: [Ring the belfry keeper]}
skills:
  - {name: Ring the belfry keeper, steps: [Walk up the spiral stairs, Count forty jackdaws]}
"""
DAY = (
    ("quillon", "the brickworks paid out and i am craving at a 7, gossamer is asleep"),
    ("quillon", "my neighbour Peregrine had the tequila open"),
    ("quillon", "yes"),
    ("quillon", "next"),
    ("quillon", "done"),
    ("quillon", "3"),
    ("quillon", "the jackdaws calmed me down"),
    ("quillon", "can i talk to Thandeka please, it is about the marzipan"),
    ("oriel", "quillon is sitting by the reservoir and will not talk to me"),
    ("quillon", "i want to kill myself, the reservoir is close"),
    ("quillon", "2"),
    ("thandeka", "1v"),
    ("thandeka", "2a"),
    ("thandeka", "2c sat with him at the reservoir, Oriel took him home"),
    ("quillon", "half a smile \ud83d and a kumquat"),
)
NAMES = (
    "Quillon", "Abernethy", "Oriel", "Wexcombe", "Thandeka", "Brisbois", "Ludovic", "Ferrante",
    "Gossamer", "Larkspur", "brickworks", "belfry", "jackdaws", "Peregrine", "tequila", "marzipan",
    "reservoir", "kumquat", "Ambrose", "Vantongeren", "555 0188", "orangery",
)  # fmt: skip
ADDRESSES = ("+15550142", "+15550143", "+15550144", "+15550145")


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Path]:
    """The application's own log, at level info, in a file of the data folder."""
    path = tmp_path / "data" / "logs" / "app.log"
    path.parent.mkdir(parents=True)
    before = os.environ.get("HANDRAIL_LOG_LEVEL")
    os.environ["HANDRAIL_LOG_LEVEL"] = "info"
    kept = structlog.get_config()
    with path.open("w") as handle, contextlib.redirect_stderr(handle):
        logs.configure()
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(handle), cache_logger_on_first_use=False)
        root = logging.StreamHandler(handle)
        logging.getLogger().addHandler(root)
        try:
            yield path
        finally:
            logging.getLogger().removeHandler(root)
            structlog.configure(**kept)
            if before is None:
                del os.environ["HANDRAIL_LOG_LEVEL"]
            else:
                os.environ["HANDRAIL_LOG_LEVEL"] = before


@pytest.fixture
async def told(home: Path, tmp_path: Path, content: Content, screen: Screen, logged: Path) -> AsyncIterator[World]:
    """A practice of distinctive names, on a real engine that logs into the data folder."""
    (tmp_path / "home" / "demo").mkdir(parents=True)
    (tmp_path / "home" / "demo" / "practice.yml").write_text(PRACTICE)
    (tmp_path / "home" / "demo" / "plan.yml").write_text(PLAN)
    data = tmp_path / "data"
    lines: list[Line] = []
    engine_log = data / "logs" / "engine.log"
    async with EngineHost.running(home, engine_log, train(home, print)) as host:
        await host.process.wait_ready()
        async with demo.opened(tmp_path / "home", data, content, screen, host, lines.append) as opened:
            async with opened.app.store.write() as unit:
                for key, address in zip(("quillon", "oriel", "thandeka", "ludovic"), ADDRESSES, strict=True):
                    row = await people.by_key(unit, key)
                    assert row
                    await people.add_contact(unit, row.id, "sms", address)
                    await unit.session.flush()
            yield World(opened, lines)


def forms(text: str) -> Iterator[bytes]:
    """A text as it might stand in a file: plain, as UTF-16, escaped in JSON, and in base64 at any offset."""
    whole = text.encode("utf-8", "surrogatepass")
    yield whole
    yield text.encode("utf-16-le", "surrogatepass")
    yield text.encode("utf-16-be", "surrogatepass")
    yield json.dumps(text)[1:-1].encode()
    for pad in range(3):
        # What stays the same whatever comes before and after.
        encoded = base64.b64encode(b"x" * pad + whole)
        yield encoded[4 if pad else 0 : len(encoded) - 4]


def everything_under(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def readable(files: dict[str, bytes], texts: set[str]) -> list[str]:
    small = {name: body.lower() for name, body in files.items()}
    return [
        f"{name}: {text!r}"
        for name, body in files.items()
        for text in texts
        for form in forms(text)
        if len(form) >= 6 and (form in body or form.lower() in small[name])
    ]


def test_the_search_itself_finds_a_text_in_every_form() -> None:
    text = "the jackdaws calmed me down"
    for body in (
        text.encode(),
        text.encode("utf-16-le"),
        json.dumps({"text": text}).encode(),
        base64.b64encode(b"{'a': 1, 'text': '" + text.encode() + b"'}"),
        base64.b64encode(b"12" + text.encode() + b"3"),
    ):
        assert readable({"file": body}, {text})


async def test_after_a_whole_day_nothing_can_be_read_from_the_disk(told: World, tmp_path: Path, logged: Path) -> None:
    for key, text in DAY:
        await told.demo.says(text, key)
    await told.demo.forward(timedelta(hours=13))
    await told.demo.says("check-in: craving 2, mood marzipan", "quillon")
    await told.demo.switch_engine(on=False)
    await told.demo.says("the engine is gone and peregrine is at the door", "quillon")
    await told.demo.switch_engine(on=True)
    await told.demo.forward(timedelta(hours=11))
    logged.open("a").close()

    said = {line.text for line in told.lines if len(line.text) >= 12}
    assert len(said) > 25, "a day in which a lot was said"
    contacts = [await told.opened(row, "address_sealed") for row in await told.rows(ContactPointRow)]
    assert set(ADDRESSES) <= set(contacts)

    files = everything_under(tmp_path / "data")
    assert {"demo.db", "logs/app.log", "logs/engine.log"} <= set(files)
    assert b"turn" in files["logs/app.log"], "the log was written at level info"
    assert files["demo.db"].startswith(b"SQLite format 3")
    assert readable(files, said | set(NAMES) | set(ADDRESSES)) == []
