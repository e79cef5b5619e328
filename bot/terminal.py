"""The demo at a terminal, from a script, or from standard input; and the transcript that it writes."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console as Terminal
from rich.text import Text

from bot import demo
from bot.app import EngineHost, load_content, load_screen
from bot.delivery.messages import shown as titles_shown
from bot.demo import Demo, Line

WELCOME = """\
Handrail, in a made-up practice. Nobody in here exists, and the safety texts are drafts.
You are {name}, a client in recovery. Write as you would at 2 a.m., or try /help.
"""
_COLOURS = {"crisis": "bold red", "alert": "bold yellow", "reply": "", "check-in": "cyan", "notice": ""}


class Screen:
    """Shows lines on the terminal and writes them to the transcript."""

    def __init__(self, terminal: Terminal, transcript: Path | None, stack: ExitStack, zone: ZoneInfo) -> None:
        self._terminal = terminal
        self._zone = zone
        self._file = stack.enter_context(transcript.open("w", encoding="utf-8")) if transcript else None
        self.echo = True

    def __call__(self, line: Line) -> None:
        if self._file:
            self._file.write(json.dumps(line.record()) + "\n")
            self._file.flush()
        if line.direction == "in" and not self.echo:
            return
        at = line.at.astimezone(self._zone).strftime("%a %H:%M")
        who = f"{line.seat} writes" if line.direction == "in" else f"to {line.seat}"
        shown = Text(f"{at}  {who}: ", style="dim")
        shown.append(_printable(line.text), style="" if line.direction == "in" else _COLOURS.get(line.lane or "", ""))
        if line.buttons:
            shown.append("  " + titles_shown(line.buttons), style="dim")
        self._terminal.print(shown, soft_wrap=True)

    def note(self, sentence: str) -> None:
        """A word to the visitor, not part of any conversation."""
        self._terminal.print(Text(sentence, style="dim"), soft_wrap=True)


def _printable(text: str) -> str:
    """A person's text as it can be shown: no control characters, at most 600 characters."""
    clean = "".join(c if c == "\n" or (c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF) else "\u00b7" for c in text)
    return clean if len(clean) <= 600 else f"{clean[:600]} … ({len(clean):,} characters)"


def script_lines(source: Iterable[str]) -> Iterable[str]:
    """What was typed: every line but empty ones and comments."""
    for line in source:
        typed = line.rstrip("\r\n")
        if typed.strip() and not typed.lstrip().startswith("#"):
            yield typed


async def play(home: Path, script: Path | None, transcript: Path | None) -> None:
    """Open the demo and feed it from a script, the terminal, standard input, or the sample day."""
    terminal = Terminal(highlight=False)
    with tempfile.TemporaryDirectory(prefix="handrail-demo-") as folder, ExitStack() as stack:
        show = Screen(terminal, transcript, stack, ZoneInfo("America/Los_Angeles"))
        content, net = load_content(home), load_screen(home)
        interactive = script is None and sys.stdin.isatty()
        async with EngineHost.running(home) as host:
            with Terminal(stderr=True).status("Starting the engine: about ten seconds"):
                await host.process.wait_ready()
            async with demo.opened(home, Path(folder), content, net, host, show, runs=interactive) as opened:
                if interactive:
                    show.echo = False
                    show.note(WELCOME.format(name=opened.names[opened.seat]))
                    await _talk(opened, show)
                else:
                    await _read(opened, show, _source(home, script))


def _source(home: Path, script: Path | None) -> list[str]:
    if script is not None:
        return list(script_lines(script.read_text(encoding="utf-8", errors="surrogateescape").splitlines()))
    piped = list(script_lines(sys.stdin))
    return piped or list(script_lines((home / "demo" / "day.txt").read_text(encoding="utf-8").splitlines()))


async def _read(opened: Demo, show: Screen, lines: Iterable[str]) -> None:
    for line in lines:
        if line.strip() == "/quit":
            return
        sentence = await opened.hear(line)
        if sentence:
            show.note(sentence)


async def _talk(opened: Demo, show: Screen) -> None:
    """Prompt for lines; while nobody types, the clock still ticks."""
    ticking = asyncio.create_task(_tick(opened))
    try:
        while True:
            try:
                line = await asyncio.to_thread(input, f"{opened.label}> ")
            except EOFError:
                return
            if line.strip() == "/quit":
                return
            if line.strip():
                sentence = await opened.hear(line)
                if sentence:
                    show.note(sentence)
    finally:
        ticking.cancel()


async def _tick(opened: Demo) -> None:
    while True:
        await asyncio.sleep(1)
        await opened.app.tick.run()
        await opened.app.settle()
