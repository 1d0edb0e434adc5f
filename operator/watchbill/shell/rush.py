"""Whether many pages leave at the moment: then what is in no hurry does not stand in their way."""

from collections import deque
from collections.abc import Callable

MANY = 10
"""How many pages within a second are a rush."""

WITHIN = 1.0
"""Seconds in which so many must have left; a rush is over so long after its last pages."""


class Rush:
    """Knows when the latest pages left."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._left: deque[float] = deque(maxlen=MANY)

    def page_leaves(self) -> None:
        """Take note of a page that is about to be sent."""
        self._left.append(self._monotonic())

    def under_way(self) -> bool:
        """Whether ten pages have left within the last second."""
        return len(self._left) == MANY and self._monotonic() - self._left[0] < WITHIN
