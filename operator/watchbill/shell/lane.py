"""What stands before one connection: its rate, its breaker, and what the last sends taught."""

from datetime import datetime, timedelta

from watchbill.core.outcomes import Result
from watchbill.providers.contract import Rate, Verdict
from watchbill.shell.breaker import Breaker
from watchbill.shell.clock import Clock
from watchbill.shell.rate import CallLater, Limiter

MISCONFIGURED = "Misconfigured"
"""The reason of a send that was never made because its settings cannot work."""

EGRESS_DENIED = "EgressDenied"
"""The reason of a send that was never made because its host may not be reached."""


class Lane:
    """The way to one connection; `enter` and `leave` go in pairs."""

    def __init__(self, rate: Rate, clock: Clock, later: CallLater) -> None:
        self._clock = clock
        self._limiter = Limiter(rate, clock.monotonic, later)
        self._breaker = Breaker()

    @property
    def is_open(self) -> bool:
        """Whether the breaker holds up all sends."""
        return self._breaker.wait(self._clock.monotonic()) > 0

    async def enter(self, rank: int, due: datetime, deadline: float) -> Verdict | None:
        """None once the send's turn has come; else why it does not come before `deadline`."""
        if refusal := self._refusal():
            return refusal
        if await self._limiter.enter(rank, due, deadline):
            return None
        wait = self._limiter.bucket.wait(self._clock.monotonic())
        return Verdict(
            Result.RETRY,
            after=timedelta(seconds=wait) if wait > 0 else None,
            reason="RateLimited",
            message="not sent: the rate of this connection left no room in time",
        )

    def begin(self) -> Verdict | None:
        """None where the send goes now; else why not, where the breaker opened during the wait."""
        return None if self._breaker.begin(self._clock.monotonic()) else self._refusal()

    def learn(self, verdict: Verdict | None, *, well: bool) -> None:
        """Take note of a send's end, and whether the vendor is well; no verdict means it was broken off."""
        if verdict is None or verdict.reason in (MISCONFIGURED, EGRESS_DENIED):
            self._breaker.abandoned()
        elif well:
            self._breaker.succeeded()
        else:
            self._breaker.failed(self._clock.monotonic())
        if verdict is not None and verdict.after is not None:
            self._limiter.close(verdict.after.total_seconds())

    def leave(self, *, used: bool) -> None:
        """Make room for the next; a send that was not made costs nothing."""
        self._limiter.leave(used=used)

    def _refusal(self) -> Verdict | None:
        wait = self._breaker.wait(self._clock.monotonic())
        if wait <= 0:
            return None
        return Verdict(
            Result.RETRY,
            after=timedelta(seconds=wait),
            reason="BreakerOpen",
            message="not sent: the last sends through this connection all failed",
        )
