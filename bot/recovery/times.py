"""Time zones and wall-clock times as people write them into files."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator

from bot.recovery.check_in import parse_time


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}; give its IANA name, such as America/Chicago") from error
    return name


def clock(written: object) -> str:
    """A time of day as text: YAML reads 22:00 without quotes as a number of minutes."""
    if isinstance(written, int) and not isinstance(written, bool) and 0 <= written < 24 * 60:
        return f"{written // 60:02d}:{written % 60:02d}"
    return str(written)


def _is_time(written: object) -> str:
    text = clock(written)
    try:
        parse_time(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time; give one from 00:00 to 23:59, such as 09:00") from error
    return text


Zone = Annotated[str, AfterValidator(_is_zone)]
LocalTime = Annotated[str, BeforeValidator(_is_time)]
