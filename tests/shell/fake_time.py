"""A clock that a test moves by hand, and the timers that hang on it."""

import heapq
import itertools
import time
from collections.abc import Callable

from watchbill.shell.clock import Clock


class Handle:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeTime:
    def __init__(self) -> None:
        self.seconds = 1000.0
        self.wall = 1_800_000_000.0
        self._calls: list[tuple[float, int, Handle, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def monotonic(self) -> float:
        return self.seconds

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall, monotonic=self.monotonic)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        handle = Handle()
        heapq.heappush(self._calls, (self.seconds + delay, next(self._numbers), handle, callback))
        return handle

    @property
    def armed(self) -> int:
        """How many timers would still call."""
        return sum(not handle.cancelled for _, _, handle, _ in self._calls)

    def advance(self, seconds: float) -> None:
        end = self.seconds + seconds
        while self._calls and self._calls[0][0] <= end:
            when, _, handle, callback = heapq.heappop(self._calls)
            self.seconds = max(self.seconds, when)
            if not handle.cancelled:
                callback()
        self.wall += end - self.seconds
        self.seconds = end


class RunningTime(FakeTime):
    """A clock that runs as the machine's does, and beside that as a test has it."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()

    def monotonic(self) -> float:
        return self.seconds + time.monotonic() - self._began
