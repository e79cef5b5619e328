"""The engine's interpreter reaches nothing but this machine and starts no program."""

import subprocess
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
PYTHON = HOME / "engine" / ".venv" / "bin" / "python"


def inside(code: str) -> str:
    """Run code in the engine's interpreter after the seal was closed; gives what it printed."""
    script = (
        "import os, socket, subprocess, sys\n"
        "from engine import seal\n"
        "seal.close()\n"
        f"try:\n    {code}\n"
        "except seal.Sealed:\n    print('refused')\n"
        "except OSError as error:\n    print('tried', type(error).__name__)\n"
        "else:\n    print('done')\n"
    )
    done = subprocess.run([PYTHON, "-c", script], cwd=HOME, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.strip() or done.stderr[-300:]


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('192.0.2.1', 443), timeout=1)",
        "socket.socket().connect(('192.0.2.1', 443))",
        "socket.socket().connect_ex(('192.0.2.1', 443))",
        "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 443))",
        "socket.getaddrinfo('example.org', 443)",
        "socket.gethostbyname('example.org')",
        "socket.gethostbyname_ex('example.org')",
        "socket.gethostbyaddr('192.0.2.1')",
        "socket.getnameinfo(('192.0.2.1', 80), 0)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('192.0.2.1', 53))",
        "socket.socket().bind(('0.0.0.0', 0))",
        "socket.socket().bind(('', 0))",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
    ],
)
def test_the_way_out_is_refused(code: str) -> None:
    assert inside(code) == "refused"


@pytest.mark.parametrize(
    "code",
    [
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); socket.create_connection(s.getsockname()).close()",
        "socket.getaddrinfo('localhost', 80)",
        "socket.getaddrinfo('127.0.0.1', 80)",
        "a, b = socket.socketpair(); a.send(b'x')",
    ],
)
def test_loopback_stays_open(code: str) -> None:
    assert inside(code) == "done"
