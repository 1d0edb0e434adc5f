"""When each key is to be looked at again: one heap, and one timer for its first entry (DESIGN §1, law 4)."""

import heapq
import itertools
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)

STALE_ALLOWANCE = 1000
"""How many entries that no longer count the heap may hold beyond as many as do."""


class Timer(Protocol):
    """A call that was put off, as the event loop keeps it."""

    def cancel(self) -> None:
        """Do not call."""


class WakeUps(Generic[Key]):
    """Calls `fire(key)` when a key's deadline has come, by the monotonic clock.

    A key has one deadline: the earliest that was asked for since the key was last dropped or fired.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Timer],
        fire: Callable[[Key], None],
    ) -> None:
        self._monotonic = monotonic
        self._call_later = call_later
        self._fire = fire
        # The entry of the heap that counts for each key; the others are stale.
        self._entries: dict[Key, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, Key]] = []
        # Keys need no order: of two with one deadline the first that came fires first.
        self._numbers = itertools.count()
        self._timer: Timer | None = None
        self._armed_for = float("inf")

    def __len__(self) -> int:
        return len(self._entries)

    def set(self, key: Key, delay: float) -> None:
        """Fire in `delay` seconds, unless the key fires earlier anyway."""
        deadline = self._monotonic() + max(delay, 0.0)
        if key in self._entries and deadline >= self._entries[key][0]:
            return
        entry = self._entries[key] = (deadline, next(self._numbers))
        heapq.heappush(self._heap, (*entry, key))
        self._forget_stale()
        self._arm()

    def drop(self, key: Key) -> None:
        """Forget the key's deadline; what is asked for from now on counts alone."""
        self._entries.pop(key, None)

    def stop(self) -> None:
        """Fire nothing from now on."""
        self._entries.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        """Have one timer, for the first entry of the heap."""
        first = self._heap[0][0] if self._heap else float("inf")
        if self._timer is not None and first >= self._armed_for:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._armed_for = first
            self._timer = self._call_later(max(first - self._monotonic(), 0.0), self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = self._monotonic()
        while self._heap and self._heap[0][0] <= now:
            *entry, key = heapq.heappop(self._heap)
            if self._entries.get(key) == tuple(entry):
                del self._entries[key]
                self._fire(key)
        self._arm()

    def _forget_stale(self) -> None:
        if len(self._heap) > 2 * len(self._entries) + STALE_ALLOWANCE:
            self._heap = [entry for entry in self._heap if self._entries.get(entry[2]) == entry[:2]]
            heapq.heapify(self._heap)
