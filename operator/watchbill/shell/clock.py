"""What time it is: by the wall clock once, by the monotonic clock from then on (DESIGN §4, rule 16)."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from watchbill.api.model import ceil_to_millisecond

SKEW_LIMIT = timedelta(seconds=5)
"""By how much the API server's clock may differ before this process stops being a candidate."""

RESOLUTION = timedelta(seconds=1)
"""How finely an HTTP Date header tells the time."""


class Clock:
    """The time of this process, which no step of the machine's clock can move."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self.monotonic = monotonic
        """Seconds that only ever grow; what deadlines of this process are reckoned in."""
        self.is_relied_on: Callable[[], bool] = lambda: False
        """Asked before the time is taken anew: whether deadlines are recorded that run by it."""
        self._skew = timedelta()
        self._was_right = False
        self._anchor()

    @property
    def skew(self) -> timedelta:
        """By how much the API server's clock was ahead of ours when it last answered."""
        return self._skew

    @property
    def skewed(self) -> bool:
        """Whether our time is off by more than 5 s, as the API server sees it."""
        return abs(self._skew) > SKEW_LIMIT

    def now(self) -> datetime:
        """The moment in UTC, rounded up to a whole millisecond."""
        elapsed = self.monotonic() - self._monotonic_at_start
        return ceil_to_millisecond(self._wall_at_start + timedelta(seconds=elapsed))

    def observe_server_date(self, text: str, started: datetime | None = None) -> None:
        """Take note of an answer's Date header, of a request that was begun at `started`.

        A header that is not a date is ignored. Where the machine's own clock has meanwhile been set
        right, it is taken anew: it was wrong when this process began, or the machine was asleep. A time that
        was wrong all along goes on while it is relied on: deadlines would pass early, or late, at once.
        """
        try:
            server = _read(text)
        except ValueError:
            return
        if server.tzinfo is None:
            server = server.replace(tzinfo=UTC)
        now = self.now()
        took = now - (started or now)
        self._skew = _distance(server, now - took, now)
        if self.skewed:
            wall = datetime.fromtimestamp(self._wall(), UTC)
            by_wall = _distance(server, wall - took, wall)
            if abs(by_wall) <= RESOLUTION and (self._was_right or not self.is_relied_on()):
                self._anchor()
                self._skew = by_wall
        self._was_right = self._was_right or not self.skewed

    def _anchor(self) -> None:
        self._wall_at_start = datetime.fromtimestamp(self._wall(), UTC)
        self._monotonic_at_start = self.monotonic()


@lru_cache
def _read(text: str) -> datetime:
    """The moment of a Date header, which is the same in all answers of one second; ValueError for none."""
    return parsedate_to_datetime(text)


def _distance(server: datetime, earliest: datetime, latest: datetime) -> timedelta:
    """How far a Date, cut to whole seconds, lies outside of the time that its request took."""
    if server > latest:
        return server - latest
    if server + RESOLUTION < earliest:
        return server + RESOLUTION - earliest
    return timedelta()
