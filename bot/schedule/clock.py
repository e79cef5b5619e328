"""Clocks: the real one, and one that is moved by hand for the demo and for tests."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class RealClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class MovedClock:
    """Starts at a given moment; moves on command, and with real time only when ``runs`` is set."""

    def __init__(self, start: datetime, *, runs: bool = False) -> None:
        if start.tzinfo is None:
            raise TypeError("the clock starts at an aware time")
        self._at = start.astimezone(UTC)
        self._runs_from = time.monotonic() if runs else None

    def now(self) -> datetime:
        if self._runs_from is None:
            return self._at
        return self._at + timedelta(seconds=time.monotonic() - self._runs_from)

    def move(self, by: timedelta) -> None:
        """Go forward; a clock never goes back."""
        if by < timedelta(0):
            raise ValueError("the clock only goes forward")
        self._at += by
