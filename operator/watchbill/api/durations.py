"""Durations as GEP-2257 writes them: `5m`, `1h30m`, `500ms`; no days, no signs, no fractions."""

import re
from datetime import timedelta

import durationpy

DURATION_PATTERN = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"
"""The pattern of GEP-2257 (Gateway API), used in the schema and by `parse_duration`."""


def parse_duration(text: str) -> timedelta:
    """The length of a GEP-2257 duration; raises ValueError naming the text when it is not one."""
    if re.match(DURATION_PATTERN, text) is None:
        raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 1h30m")
    length: timedelta = durationpy.from_str(text)
    return length


def format_duration(length: timedelta) -> str:
    """The canonical GEP-2257 text of a length in whole seconds: `1h30m`; `0s` for a negative one."""
    seconds = max(0, round(length.total_seconds()))
    text: str = durationpy.to_str(timedelta(seconds=seconds)) if seconds else "0s"
    return text
