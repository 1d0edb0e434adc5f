"""Monotonic time that passes only when a test says so."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

from watchbill.shell.clock import Clock


class Arranged:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualTime:
    """A monotonic clock and its `call_later`; `advance` moves both."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._order = itertools.count()
        self._arranged: list[tuple[float, int, Arranged]] = []

    def monotonic(self) -> float:
        return self._now

    def later(self, delay: float, callback: Callable[[], None]) -> Arranged:
        arranged = Arranged(callback)
        heapq.heappush(self._arranged, (self._now + delay, next(self._order), arranged))
        return arranged

    def clock(self) -> Clock:
        return Clock(wall=lambda: 1_774_747_800.0, monotonic=self.monotonic)

    async def advance(self, seconds: float) -> None:
        """Let time pass, with everything that was arranged for it, in order."""
        end = self._now + seconds
        await settle()
        while self._arranged and self._arranged[0][0] <= end:
            self._now, _, arranged = heapq.heappop(self._arranged)
            if arranged.callback is not None:
                arranged.callback()
            await settle()
        self._now = end
        await settle()


async def settle() -> None:
    """Let every task go on until it waits."""
    for _ in range(50):
        await asyncio.sleep(0)
