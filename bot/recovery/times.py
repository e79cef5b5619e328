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


def _is_time(text: object) -> str:
    # YAML reads 22:00 without quotes as a number of minutes.
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text < 24 * 60:
        text = f"{text // 60:02d}:{text % 60:02d}"
    try:
        parse_time(str(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no time; give one from 00:00 to 23:59, such as 09:00") from error
    return str(text)


Zone = Annotated[str, AfterValidator(_is_zone)]
LocalTime = Annotated[str, BeforeValidator(_is_time)]
