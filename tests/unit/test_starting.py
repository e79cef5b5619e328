"""`handrail run` where something is wrong: one sentence and exit code 2, or a word at the start and the rest goes on."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.store.vault import format_keys, new_key
from tests.behaviour.test_demo import HANDRAIL
from tests.doubles.telegram import telegram_double
from tests.doubles.twilio import twilio_double

SMS = {
    "HANDRAIL_TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
    "HANDRAIL_TWILIO_AUTH_TOKEN": "auth token",
    "HANDRAIL_TWILIO_FROM": "+15035550100",
    "HANDRAIL_TWILIO_API_URL": "http://127.0.0.1:1",
    "HANDRAIL_PUBLIC_URL": "https://handrail.example.org",
}
WITHIN = 60.0


def environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    return {**bare, "HANDRAIL_DATA": str(folder / "data"), "HANDRAIL_ENGINE": "false", **settings}


def handrail(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HANDRAIL), *arguments],
        env=environment(folder, settings),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    done = handrail("content", "sign", "--by", "Ann Doe", "--yes", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def practice(signed: Path, tmp_path: Path) -> Path:
    """A folder with a practice that has signed its texts."""
    folder = tmp_path / "practice"
    shutil.copytree(signed, folder)
    return folder


def refused(folder: Path, **settings: str) -> str:
    """What the service says where it does not start."""
    done = handrail("run", folder=folder, **settings)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    told = done.stderr.strip().splitlines()
    assert len(told) == 1, done.stderr
    return told[0]


def test_the_port_is_taken(practice: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = refused(practice, **SMS, HANDRAIL_PORT=port)
    assert f"HANDRAIL_PORT={port}: something else listens on 127.0.0.1:{port}" in told


@pytest.mark.parametrize("address", ["203.0.113.7", "a..b"])
def test_the_address_is_not_this_machines(practice: Path, address: str) -> None:
    assert f"HANDRAIL_LISTEN={address}: " in refused(practice, **SMS, HANDRAIL_LISTEN=address, HANDRAIL_PORT="0")


def test_the_address_is_none(practice: Path) -> None:
    told = refused(practice, HANDRAIL_LISTEN="http://localhost")
    assert told == "HANDRAIL_LISTEN: give an address of this machine, such as 127.0.0.1"


@pytest.mark.parametrize("folder", ["/proc/nowhere/data", "file/data"])
def test_the_data_folder_cannot_be_made(practice: Path, folder: str) -> None:
    (practice / "file").write_text("")
    keys = practice / "keys"
    keys.write_text(format_keys(dict([new_key()])))
    told = refused(practice, HANDRAIL_DATA=folder, HANDRAIL_KEY_FILE=str(keys))
    assert f"HANDRAIL_DATA: the folder {folder} cannot be made" in told


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sqlite:////nonexistent/x.db", "HANDRAIL_DATABASE_URL: there is no folder /nonexistent"),
        ("sqlite:///no-database.db", "HANDRAIL_DATABASE_URL cannot be used: file is not a database"),
        ("postgresql://nobody:secret@127.0.0.1:1/x", "HANDRAIL_DATABASE_URL cannot be used: "),
    ],
)
def test_the_database_cannot_be_used(practice: Path, address: str, reason: str) -> None:
    (practice / "no-database.db").write_text("These are words, and quite a few of them. " * 100)
    told = refused(practice, HANDRAIL_DATABASE_URL=address)
    assert reason in told
    assert "secret" not in told


def test_the_checkout_is_another_folder(practice: Path) -> None:
    assert "HANDRAIL_HOME: /tmp has no folder content" in refused(practice, HANDRAIL_HOME="/tmp")
    looked = handrail("doctor", folder=practice, HANDRAIL_HOME="/tmp")
    assert looked.returncode == 2
    assert "MEND  settings: HANDRAIL_HOME: /tmp has no folder content" in looked.stdout
    assert "Traceback" not in looked.stderr


def test_the_first_start_tells_of_its_key_and_how_the_texts_are_read(tmp_path: Path) -> None:
    done = handrail("run", folder=tmp_path)
    assert done.returncode == 2
    key, texts = done.stderr.splitlines()
    assert f"{tmp_path / 'data-keys'} holds a new key. Keep a copy" in key
    assert "handrail content show --kind safety" in texts


@asynccontextmanager
async def running(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        str(HANDRAIL),
        "run",
        env=environment(folder, settings),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def lines_until(process: asyncio.subprocess.Process, *awaited: str) -> str:
    """What the service has said when all of this was among it."""
    assert process.stderr
    said = ""
    async with asyncio.timeout(WITHIN):
        while not all(words in said for words in awaited):
            line = await process.stderr.readline()
            assert line, f"the service ended: {said}"
            said += line.decode()
    return said


async def test_wrong_tokens_are_told_at_the_start_and_the_rest_goes_on(practice: Path) -> None:
    async with telegram_double() as telegram, twilio_double() as twilio:
        good = telegram.bot("222222:staff-token", "handrail_staff_bot")
        twilio.account(SMS["HANDRAIL_TWILIO_ACCOUNT_SID"], "another auth token")
        settings = {
            **SMS,
            "HANDRAIL_PORT": "0",
            "HANDRAIL_TWILIO_API_URL": twilio.base,
            "HANDRAIL_TELEGRAM_API_URL": telegram.base,
            "HANDRAIL_TELEGRAM_TOKEN": "111111:revoked-token",
            "HANDRAIL_TELEGRAM_STAFF_TOKEN": "222222:staff-token",
        }
        async with running(practice, settings) as process:
            said = await lines_until(
                process,
                "Handrail is running on telegram, telegram-staff, sms",
                "telegram: Telegram does not know this token: copy it anew from BotFather",
                "sms: Twilio does not take HANDRAIL_TWILIO_ACCOUNT_SID with HANDRAIL_TWILIO_AUTH_TOKEN: copy both anew",
            )
            assert "telegram-staff: " not in said
            async with asyncio.timeout(WITHIN):
                while not any(name == "getUpdates" for name, _ in good.calls):
                    await asyncio.sleep(0.05)
            assert process.returncode is None
