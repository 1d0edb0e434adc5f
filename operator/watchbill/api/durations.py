"""Durations as GEP-2257 writes them: `5m`, `1h30m`, `500ms`; no days, no signs, no fractions."""

import re
from datetime import timedelta
from functools import lru_cache

import durationpy

DURATION_PATTERN = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"
"""The pattern of GEP-2257 (Gateway API), used in the schema and by `parse_duration`."""

SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
LONGEST = timedelta(hours=100_000)
"""The first length that GEP-2257 cannot write: an hour count has at most five digits."""


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> timedelta:
    """The length of a GEP-2257 duration; raises ValueError naming the text when it is not one."""
    if re.fullmatch(DURATION_PATTERN, text) is None or text.endswith("\n"):
        raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 1h30m")
    length: timedelta = durationpy.from_str(text)
    return length


def format_duration(length: timedelta, unit: timedelta = SECOND) -> str:
    """The canonical GEP-2257 text of a length, rounded to whole units: `1h30m`; `0s` for a negative one.

    The smallest unit is a millisecond. Raises ValueError for 100000 hours and more.
    """
    rounded = max(timedelta(0), round(length / unit) * unit)
    if rounded >= LONGEST:
        raise ValueError(f"{length} is longer than a duration can say")
    seconds, rest = divmod(rounded, SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    parts = ((hour, "h"), (minute, "m"), (second, "s"), (rest // MILLISECOND, "ms"))
    return "".join(f"{number}{name}" for number, name in parts if number) or "0s"
