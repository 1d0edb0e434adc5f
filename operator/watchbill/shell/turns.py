"""Turns at something that only so many may do at once: whoever matters most goes next."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """At most `places` turns at the same time; of those who wait the lowest rank goes first, then the oldest.

    Nobody waits twice under one key.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._numbers = itertools.count()
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._waiting: dict[Hashable, asyncio.Future[None]] = {}

    @property
    def full(self) -> bool:
        """Whether who comes now must wait."""
        return not self._free

    @asynccontextmanager
    async def turn(self, key: Hashable, rank: int = 0) -> AsyncIterator[None]:
        """Begin when a place is free; it is free again when the block ends. Raises what `give_up` is told."""
        if self._free:
            self._free -= 1
        else:
            await self._called(key, rank)
        try:
            yield
        finally:
            self._pass_on()

    def give_up(self, key: Hashable, error: Exception) -> None:
        """Have whoever waits under this key wait no more, but raise the error."""
        if (called := self._waiting.get(key)) and not called.done():
            called.set_exception(error)

    async def _called(self, key: Hashable, rank: int) -> None:
        called = self._waiting[key] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (rank, next(self._numbers), called))
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled() and called.exception() is None:
                self._pass_on()
            raise
        finally:
            del self._waiting[key]

    def _pass_on(self) -> None:
        """Give a place to whoever is next, or keep it free."""
        while self._queue:
            _, _, called = heapq.heappop(self._queue)
            if not called.done():
                called.set_result(None)
                return
        self._free += 1
