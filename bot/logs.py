"""Logging: ids, kinds and counts, as JSON lines. Never a text, a name or an address."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

LEVEL = "HANDRAIL_LOG_LEVEL"
LEVELS = ("debug", "info", "warning", "error")
DEFAULT_LEVEL = "warning"
# Libraries that would log requests, and with them addresses or bodies.
_QUIET = ("httpx", "httpcore", "apscheduler", "alembic", "asyncio", "rasa_sdk", "uvicorn", "sqlalchemy")
# Libraries that quote what they were sent in their errors, which reach us as exceptions anyway.
_SILENT = ("twilio", "aiohttp")


class _Steady:
    """Standard error as far as it goes: a full disk behind it must not end what writes a line there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


class _Bare(logging.Formatter):
    """Leaves out of an error everything but its type: its message may quote what a person wrote."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        return f"{ei[0].__name__}" if ei and ei[0] else ""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None
        return super().format(record)


def configure() -> None:
    """Log to standard error; the level comes from HANDRAIL_LOG_LEVEL, warnings where that is none."""
    name = os.environ.get(LEVEL, "").lower()
    level = getattr(logging, (name if name in LEVELS else DEFAULT_LEVEL).upper())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Bare("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    for library in _QUIET:
        logging.getLogger(library).setLevel(logging.ERROR)
    for library in _SILENT:
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Steady(sys.stderr))),
        cache_logger_on_first_use=True,
    )


def _without_values(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Keep where an error happened and its type; its message may quote what a person wrote."""
    error = event.pop("exc_info", None)
    if error:
        kind, _, trace = (
            sys.exc_info() if error is True else (type(error), error, getattr(error, "__traceback__", None))
        )
        event["error"] = getattr(kind, "__name__", str(kind))
        frames = []
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append(f"{Path(code.co_filename).name}:{trace.tb_lineno}")
            trace = trace.tb_next
        event["where"] = frames[-4:]
    return event
