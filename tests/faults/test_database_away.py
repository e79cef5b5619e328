"""The database is locked, read-only, or its disk is full: nothing that was accepted is lost, and danger is still answered."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.conversation.intake import LAST_WORDS
from bot.conversation.reception import WARNING
from bot.store.database import Unit
from bot.store.tables import ContactPointRow, ConversationRow, InboundRow
from tests.faults.ledger import Ledger
from tests.faults.service import LENA, MAYA, NORA, RUTH, SAM, THEO, Practice, opened, until

HELD_FOR = 60.0 if os.environ.get("HANDRAIL_FAULTS") == "all" else 20.0
DANGER = "i want to kill myself"
# Words that stand nowhere else, so that their absence from the disk means something.
SECRET = "marzipan"


@contextmanager
def write_lock(data: Path) -> Iterator[None]:
    """Another connection holds the write lock."""
    connection = sqlite3.connect(data / "handrail.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def written(practice: Practice) -> list[tuple[str, str]]:
    """Every message that is kept, in order, with the address that it came from."""

    async def find(unit: Unit) -> list[tuple[str, str]]:
        query = (
            select(InboundRow, ContactPointRow)
            .join(ConversationRow, ConversationRow.id == InboundRow.conversation_id)
            .join(ContactPointRow, ContactPointRow.id == ConversationRow.contact_point_id)
            .order_by(InboundRow.sequence)
        )
        rows = (await unit.session.execute(query)).all()
        return [(unit.open(contact, "address_sealed"), unit.open(row, "text_sealed")) for row, contact in rows]

    return await practice.look(find)


def spooled(practice: Practice) -> list[Path]:
    return sorted((practice.data / "spool").glob("*.msg"))


def readable(folder: Path, words: str) -> str:
    """The files under a folder in which words can be read."""
    # Another process looks: SQLite's locks end when their own process closes the file, however it was opened.
    return subprocess.run(["grep", "-rlaF", words, str(folder)], capture_output=True, text=True, check=False).stdout


async def confirmed(practice: Practice, within: float) -> None:
    await until(lambda: not practice.bot.pending, within=within, what="every update to be confirmed")


@pytest.mark.mission("M36")
async def test_while_the_database_is_locked_everything_is_kept_on_disk_and_drained_once_and_in_order(
    running: Practice,
) -> None:
    practice, ledger = running, Ledger(running)
    nora, maya, theo, lena = practice.chat(NORA), practice.chat(MAYA), practice.phone(THEO), practice.phone(LENA)
    loop = asyncio.get_running_loop()
    with write_lock(practice.data):
        locked = loop.time()
        for n in range(4):
            ledger.wrote("telegram", nora.writes(f"{SECRET} number {n}"))
            ledger.texted(await theo.texts(f"{SECRET} number {n}"))
        ledger.wrote("telegram", maya.writes(f"{DANGER} {SECRET}"), danger=True)
        ledger.texted(await lena.texts(f"{DANGER} {SECRET}"), danger=True)
        await until(lambda: maya.texts and lena.screen, within=HELD_FOR, what="the last words to those in danger")
        assert "911" in maya.texts[0]
        assert maya.texts == [LAST_WORDS]
        assert len(lena.received) == 1
        for staff in (RUTH, SAM):
            await until(lambda staff=staff: practice.chat(staff).texts, within=5, what="the warning")
            assert practice.chat(staff).texts == [WARNING]
        assert all(answer.status == 200 for answer in ledger.posted.values())
        await until(lambda: len(spooled(practice)) >= 10, within=HELD_FOR, what="all ten to be on disk")
        await confirmed(practice, HELD_FOR)
        assert readable(practice.data, SECRET) == ""
        assert readable(practice.data, LENA.ways[0][1]) == ""
        assert spooled(practice)[0].stat().st_mode & 0o077 == 0
        await asyncio.sleep(max(0.0, HELD_FOR - (loop.time() - locked)))
        assert await written(practice) == [], "the lock was held until now"
    await until(lambda: not spooled(practice), within=30, what="the spool to be drained")
    found = await written(practice)
    for address in (NORA.ways[0][1], THEO.ways[0][1]):
        assert [text for who, text in found if who == address] == [f"{SECRET} number {n}" for n in range(4)]
    await until(lambda: any("ALERT" in t for t in practice.chat(RUTH).texts), within=10, what="the alert")
    books = await ledger.check_inbound()
    assert len(books.inbound) == 10
    assert len(books.found) == 2
    assert len([text for text in maya.texts if text == LAST_WORDS]) == 1


@pytest.mark.mission("M36")
async def test_killed_while_its_spool_holds_messages_it_drains_them_after_the_start(running: Practice) -> None:
    practice, ledger = running, Ledger(running)
    with write_lock(practice.data):
        for n in range(3):
            ledger.texted(await practice.phone(THEO).texts(f"good morning {n}"))
        ledger.wrote("telegram", practice.chat(MAYA).writes(DANGER), danger=True)
        await until(lambda: len(spooled(practice)) >= 4, within=20, what="four files")
        await confirmed(practice, 10)
        practice.kill()
    await practice.start()
    await until(lambda: not spooled(practice), within=20, what="the spool to be drained")
    books = await ledger.check_inbound()
    assert len(books.inbound) == 4
    await until(lambda: practice.chat(RUTH).texts, within=10, what="the alert")


async def test_a_file_of_the_spool_that_does_not_open_stops_none_of_the_others(running: Practice) -> None:
    practice = running
    with write_lock(practice.data):
        await practice.phone(THEO).texts("good morning 1")
        await practice.phone(THEO).texts("good morning 2")
        first = spooled(practice)[0]
        first.write_bytes(first.read_bytes()[:-5])
    await until(lambda: not spooled(practice), within=20, what="the spool to be emptied")
    # The carrier's record brings the broken one back at the next start.
    assert ("+15035550144", "good morning 2") in await written(practice)
    assert len(list((practice.data / "spool").glob("*.broken"))) == 1


@pytest.mark.mission("M36")
async def test_while_the_database_refuses_every_write_the_spool_takes_them(running: Practice) -> None:
    practice, ledger = running, Ledger(running)
    connection = sqlite3.connect(practice.data / "handrail.db", isolation_level=None)
    refuses = "BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END"
    connection.execute(f"CREATE TRIGGER away BEFORE INSERT ON inbound_message {refuses}")
    ledger.texted(await practice.phone(THEO).texts("good morning 1"))
    ledger.texted(await practice.phone(LENA).texts(DANGER), danger=True)
    ledger.wrote("telegram", practice.chat(NORA).writes("good morning 2"))
    on_disk = lambda: len(spooled(practice)) >= 3 and not practice.bot.pending  # noqa: E731
    await until(on_disk, within=20, what="all to be on disk, and Telegram to be told")
    assert practice.phone(LENA).screen == [LAST_WORDS]
    connection.execute("DROP TRIGGER away")
    connection.close()
    await until(lambda: not spooled(practice), within=20, what="the spool to be drained")
    assert len((await ledger.check_inbound()).inbound) == 3


@contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def on_a_small_disk(tmp_path: Path, signed: Path) -> AsyncIterator[Practice]:
    """The practice with its data folder on a disk of a few megabytes."""
    with tmpfs(tmp_path / "disk", "6m") as disk:
        async with opened(disk, signed) as practice:
            # The log stands elsewhere: what it does on a full disk is another story.
            practice.logs = tmp_path
            try:
                yield practice
            finally:
                practice.kill()


def fill(folder: Path) -> Path:
    """Leave not one block on a disk."""
    path = folder / "ballast"
    with path.open("wb", buffering=0) as handle:
        for size in (65_536, 4_096, 512, 1):
            with contextlib.suppress(OSError):
                while True:
                    handle.write(b"\0" * size)
    return path


@pytest.mark.mission("M36")
async def test_on_a_full_disk_nothing_is_accepted_that_is_not_durable_and_nothing_is_lost(
    on_a_small_disk: Practice,
) -> None:
    practice, ledger = on_a_small_disk, Ledger(on_a_small_disk)
    await practice.start()
    ledger.texted(await practice.phone(THEO).texts("good morning 0"))
    ballast = fill(practice.folder)
    for n in range(1, 4):
        ledger.texted(await practice.phone(THEO).texts(f"good morning {n}"))
        ledger.wrote("telegram", practice.chat(NORA).writes(f"good evening {n}"))
    danger = await practice.phone(LENA).texts(DANGER)
    ledger.texted(danger, danger=True)
    await until(lambda: practice.phone(LENA).received, within=10, what="the last words")
    assert "911" in practice.phone(LENA).received[0].body
    await until(lambda: practice.chat(RUTH).texts, within=5, what="the warning")
    await asyncio.sleep(3)
    refused = [answer for answer in ledger.posted.values() if answer.status != 200]
    assert refused, "not everything can have found room"
    assert all(answer.status == 503 for answer in refused)
    assert practice.runs
    await ledger.check_inbound()
    ballast.unlink()
    await confirmed(practice, 60)
    for answer in refused:
        assert (await practice.phone(THEO).texts_again(answer)).status == 200
        ledger.posted[answer.sid] = ledger.posted[answer.sid]._replace(status=200)
    await until(lambda: not spooled(practice), within=30, what="the spool to be drained")
    books = await ledger.check_inbound()
    assert len(books.inbound) == 8
    await until(lambda: any("ALERT" in t for t in practice.chat(RUTH).texts), within=15, what="the alert")


async def test_on_a_full_disk_danger_behind_another_message_gets_the_last_words(on_a_small_disk: Practice) -> None:
    practice = on_a_small_disk
    await practice.start()
    fill(practice.folder)
    practice.chat(NORA).writes("good morning")
    await asyncio.sleep(1)
    practice.chat(MAYA).writes(DANGER)
    await until(lambda: practice.chat(MAYA).texts, within=20, what="the last words")


async def test_a_log_that_cannot_be_written_ends_nothing(on_a_small_disk: Practice) -> None:
    practice = on_a_small_disk
    practice.logs = practice.folder
    await practice.start()
    ballast = fill(practice.folder)
    for n in range(40):
        await practice.phone(THEO).texts(f"good morning {n}")
    practice.chat(MAYA).writes(DANGER)
    await asyncio.sleep(5)
    ballast.unlink()
    await confirmed(practice, 40)
    await until(lambda: practice.chat(RUTH).texts, within=15, what="the alert")
