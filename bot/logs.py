"""Logging: ids, kinds and counts, as JSON lines. Never a text, a name or an address."""

import logging
import os
import sys
from pathlib import Path

import structlog

# Libraries that would log requests, and with them addresses or bodies.
_QUIET = ("httpx", "httpcore", "apscheduler", "alembic", "asyncio", "rasa_sdk", "uvicorn", "sqlalchemy")


def configure() -> None:
    """Log to standard error; the level comes from HANDRAIL_LOG_LEVEL, warnings by default."""
    name = os.environ.get("HANDRAIL_LOG_LEVEL", "warning").upper()
    level = getattr(logging, name, logging.WARNING)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for library in _QUIET:
        logging.getLogger(library).setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
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
