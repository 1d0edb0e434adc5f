"""How fast one connection sends: a token bucket that serves the worst severity first."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from watchbill.providers.contract import Rate

IN_FLIGHT = 20
"""Sends of one connection at the same time, so that a hanging vendor holds no more than these."""


class Timer(Protocol):
    """Something that was arranged for later."""

    def cancel(self) -> None:
        """Make it not happen."""


CallLater = Callable[[float, Callable[[], None]], Timer]


def call_later(delay: float, callback: Callable[[], None]) -> Timer:
    """Arrange with the running loop for a call after `delay` seconds."""
    return asyncio.get_running_loop().call_later(delay, callback)


class Bucket:
    """Tokens that come back with time; times are monotonic seconds."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._counted_at = now
        self.closed_until = float("-inf")
        """Until when the vendor asked for silence."""

    def wait(self, now: float) -> float:
        """The seconds until a token is free; 0 where one is."""
        self._count(now)
        missing = max(0.0, 1.0 - self._tokens) / self._rate.per_second
        return max(missing, self.closed_until - now, 0.0)

    def take(self, now: float) -> None:
        """Use one token."""
        self._count(now)
        self._tokens -= 1.0

    def give_back(self) -> None:
        """Return a token that was taken and not used."""
        self._tokens = min(float(self._rate.burst), self._tokens + 1.0)

    def _count(self, now: float) -> None:
        grown = self._tokens + (now - self._counted_at) * self._rate.per_second
        # Sums of fractions may end a hair below a whole token, for which nobody should wait.
        self._tokens = min(float(self._rate.burst), round(grown, 9))
        self._counted_at = now


@dataclass(order=True, slots=True)
class _Waiter:
    rank: int
    due: datetime
    order: int
    admitted: asyncio.Future[bool] = field(compare=False)


class Limiter:
    """The queue before one connection: the worst severity first, then what was due first."""

    def __init__(self, rate: Rate, monotonic: Callable[[], float], later: CallLater = call_later) -> None:
        self.bucket = Bucket(rate, monotonic())
        self._monotonic = monotonic
        self._later = later
        self._queue: list[_Waiter] = []
        self._order = itertools.count()
        self._in_flight = 0
        self._timer: Timer | None = None

    async def enter(self, rank: int, due: datetime, deadline: float) -> bool:
        """Whether a send may go before `deadline`; where it may, `leave` must follow."""
        now = self._monotonic()
        if max(self.bucket.closed_until, now) >= deadline:
            return False
        waiter = _Waiter(rank, due, next(self._order), asyncio.get_running_loop().create_future())
        heapq.heappush(self._queue, waiter)
        self._admit()
        if waiter.admitted.done():
            return waiter.admitted.result()
        expiry = self._later(deadline - now, lambda: _settle(waiter, False))
        try:
            return await waiter.admitted
        except asyncio.CancelledError:
            if waiter.admitted.done() and not waiter.admitted.cancelled() and waiter.admitted.result():
                self.leave(used=False)
            raise
        finally:
            expiry.cancel()

    def leave(self, *, used: bool = True) -> None:
        """End a send that had entered; where nothing was sent, its token is returned."""
        self._in_flight -= 1
        if not used:
            self.bucket.give_back()
        self._admit()

    def close(self, seconds: float) -> None:
        """Let nothing through for so long, as the vendor asked; a shorter wish changes nothing."""
        until = self._monotonic() + seconds
        self.bucket.closed_until = max(self.bucket.closed_until, until)

    def _admit(self) -> None:
        """Let through whom tokens and places allow, and come back when the next token is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue and self._in_flight < IN_FLIGHT:
            if self._queue[0].admitted.done():
                heapq.heappop(self._queue)
                continue
            now = self._monotonic()
            wait = self.bucket.wait(now)
            if wait > 0:
                self._timer = self._later(wait, self._admit)
                return
            self.bucket.take(now)
            self._in_flight += 1
            _settle(heapq.heappop(self._queue), True)


def _settle(waiter: _Waiter, admitted: bool) -> None:
    if not waiter.admitted.done():
        waiter.admitted.set_result(admitted)
