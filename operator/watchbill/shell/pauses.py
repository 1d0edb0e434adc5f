"""Pauses between tries that never end."""

from collections.abc import Iterator


class CappedForever:
    """Pauses in seconds that grow to a limit and never end, so that no outage ends kopf.

    It has no length on purpose: kopf counts the retries of what has one.
    """

    def __init__(self, first: float, factor: float, longest: float) -> None:
        self._first, self._factor, self._longest = first, factor, longest

    def __iter__(self) -> Iterator[float]:
        pause = self._first
        while True:
            yield pause
            pause = min(pause * self._factor, self._longest)
