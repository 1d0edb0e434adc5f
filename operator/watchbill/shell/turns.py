"""Turns at something that only so many may do at once: whoever matters most goes next."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import NamedTuple

LOOK = 0.1
"""Seconds between two looks for whether those who are held may go."""

IsHeld = Callable[[int, float], bool]
"""Whether one of this rank, who has waited for so many seconds, may not go yet though there is a place."""


class _Waiting(NamedTuple):
    rank: int
    number: int
    since: float
    called: asyncio.Future[None]


class Turns:
    """At most `places` turns at the same time; of those who wait the lowest rank goes first, then the oldest.

    Nobody waits twice under one key.
    """

    def __init__(self, places: int, is_held: IsHeld = lambda rank, waited: False) -> None:
        self._free = places
        self._is_held = is_held
        self._numbers = itertools.count()
        self._queue: list[_Waiting] = []
        self._waiting: dict[Hashable, asyncio.Future[None]] = {}
        self._look: asyncio.TimerHandle | None = None

    def must_wait(self, rank: int = 0) -> bool:
        """Whether who comes now must wait."""
        return not self._free or self._is_held(rank, 0.0)

    @asynccontextmanager
    async def turn(self, key: Hashable, rank: int = 0) -> AsyncIterator[None]:
        """Begin when a place is free; it is free again when the block ends. Raises what `give_up` is told."""
        if self.must_wait(rank):
            await self._called(key, rank)
        else:
            self._free -= 1
        try:
            yield
        finally:
            self._free += 1
            self._call()

    def give_up(self, key: Hashable, error: Exception) -> None:
        """Have whoever waits under this key wait no more, but raise the error."""
        if (called := self._waiting.get(key)) and not called.done():
            called.set_exception(error)

    async def _called(self, key: Hashable, rank: int) -> None:
        loop = asyncio.get_running_loop()
        called = self._waiting[key] = loop.create_future()
        heapq.heappush(self._queue, _Waiting(rank, next(self._numbers), loop.time(), called))
        self._call()
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled() and called.exception() is None:
                self._free += 1
                self._call()
            raise
        finally:
            del self._waiting[key]

    def _call(self) -> None:
        """Give each free place to whoever is next; where that one is held, look again in a while."""
        loop = asyncio.get_running_loop()
        while self._free and self._queue:
            first = self._queue[0]
            if not first.called.done():
                if self._is_held(first.rank, loop.time() - first.since):
                    self._look = self._look or loop.call_later(LOOK, self._look_again)
                    return
                first.called.set_result(None)
                self._free -= 1
            heapq.heappop(self._queue)

    def _look_again(self) -> None:
        self._look = None
        self._call()
