"""The keyed work queue: each key is worked at by one worker at a time, and no key stops another.

What client-go's workqueue promises holds: a key that is added twice before it is taken is worked at
once, and one that is added while it is worked at is worked at again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from watchbill.api.kinds import KINDS
from watchbill.shell.cache import ObjectKey
from watchbill.shell.metrics import Metrics, started_at_zero
from watchbill.shell.wakeups import WakeUps

FIRST_BACKOFF = 0.05
"""Seconds until a key that failed is tried again; doubled with each failure in a row."""

LONGEST_BACKOFF = 15.0
"""Seconds that a failing key waits at most, because a page may hang on it."""

MOST_DOUBLINGS = 16

MOST_ASIDE = 1000
"""How many keys may wait aside for their turn to be written; each keeps its incident in memory."""

Reconcile = Callable[[ObjectKey], Awaitable[timedelta | None]]
"""Brings one object up to date; returns how soon to come again, or None for when it is added."""

log = structlog.get_logger(__name__)


class Queue:
    """Keys that wait, and up to `workers` reconciles under way.

    Everything is called in the loop in which the queue was made.
    """

    def __init__(
        self, reconcile: Reconcile, metrics: Metrics, monotonic: Callable[[], float], workers: int = 32
    ) -> None:
        self._reconcile = reconcile
        self._metrics = metrics
        self._monotonic = monotonic
        self._workers = workers
        loop = asyncio.get_running_loop()
        self._wakeups: WakeUps[ObjectKey] = WakeUps(monotonic, loop.call_later, self.add)
        # Both hold since when each key waits, in the order in which they came.
        self._urgent: dict[ObjectKey, float] = {}
        self._normal: dict[ObjectKey, float] = {}
        self._active: dict[ObjectKey, asyncio.Task[None]] = {}
        # For each key what was added while it is worked at: an entry for each time, whether it was urgent.
        self._again: dict[ObjectKey, list[bool]] = {}
        # Since when each key is due, until a reconcile has brought it through.
        self._due: dict[ObjectKey, float] = {}
        self._failures: dict[ObjectKey, int] = {}
        self._aside = 0
        self._paused = self._stopped = False
        started_at_zero(metrics.reconcile_errors, (kind.name.lower() for kind in KINDS))
        metrics.max_concurrent_reconciles.set(workers)
        metrics.queue_depth.set_function(lambda: self.depth)
        metrics.active_workers.set_function(lambda: self.active)

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._urgent) + len(self._normal)

    @property
    def active(self) -> int:
        """How many keys are worked at now."""
        return len(self._active)

    @property
    def oldest_age(self) -> timedelta:
        """For how long workers have left the oldest key waiting; zero while the queue is paused."""
        firsts = [next(iter(waiting.values())) for waiting in (self._urgent, self._normal) if waiting]
        if self._paused or not firsts:
            return timedelta()
        return timedelta(seconds=self._monotonic() - min(firsts))

    def overdue(self, after: timedelta) -> dict[ObjectKey, timedelta]:
        """The keys that no reconcile has brought through for longer than this, and for how long.

        They wait, are worked at, or fail again and again.
        """
        now = self._monotonic()
        late = {key: timedelta(seconds=now - since) for key, since in self._due.items()}
        return {} if self._paused else {key: age for key, age in late.items() if age > after}

    def add(self, key: ObjectKey, urgent: bool = False) -> None:
        """Have the key worked at; an urgent one, whose people are not paged yet, goes first."""
        if self._stopped:
            return
        self._due.setdefault(key, self._monotonic())
        if key in self._active:
            self._again.setdefault(key, []).append(urgent)
        elif urgent:
            since = self._normal.pop(key, self._monotonic())
            self._urgent.setdefault(key, since)
        elif key not in self._urgent:
            self._normal.setdefault(key, self._monotonic())
        self._start_more()

    def take_back(self, key: ObjectKey) -> None:
        """Undo one `add` of a key that is worked at: it told of what that very work has done."""
        if added := self._again.get(key):
            added.pop()
        if not added:
            self._again.pop(key, None)

    def add_after(self, key: ObjectKey, delay: timedelta) -> None:
        """Have the key worked at after the delay, or at its earlier deadline where it has one."""
        if not self._stopped:
            self._wakeups.set(key, delay.total_seconds())

    def add_rate_limited(self, key: ObjectKey) -> None:
        """Have the key worked at again after a failure: after 50 ms, doubled each time, 15 s at most."""
        failures = self._failures.get(key, 0)
        self._failures[key] = min(failures + 1, MOST_DOUBLINGS)
        self.add_after(key, timedelta(seconds=min(FIRST_BACKOFF * 2**failures, LONGEST_BACKOFF)))

    def pause(self) -> None:
        """Take no key until `resume`; keys that are added meanwhile wait."""
        self._paused = True

    def resume(self) -> None:
        """Take keys again, as if all of them had come now."""
        now = self._monotonic()
        for waiting in (self._urgent, self._normal, self._due):
            waiting.update(dict.fromkeys(waiting, now))
        self._paused = False
        self._start_more()

    async def empty(self) -> None:
        """Return once no key waits; looks every 20 ms."""
        while self.depth:
            await asyncio.sleep(0.02)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Have another key worked at while the work at one waits for what is in no hurry."""
        if self._aside >= MOST_ASIDE:
            yield
            return
        self._aside += 1
        self._start_more()
        try:
            yield
        finally:
            self._aside -= 1

    async def stop(self, grace: timedelta) -> None:
        """Take no more keys, let what is under way finish, and after the grace cancel it."""
        self._stopped = True
        self._wakeups.stop()
        for waiting in (self._urgent, self._normal, self._again, self._due):
            waiting.clear()
        if tasks := list(self._active.values()):
            _, unfinished = await asyncio.wait(tasks, timeout=grace.total_seconds())
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    def _start_more(self) -> None:
        while not self._paused and self.depth and len(self._active) - self._aside < self._workers:
            waiting = self._urgent or self._normal
            key = next(iter(waiting))
            waited = self._monotonic() - waiting.pop(key)
            self._metrics.queue_duration.observe(waited)
            # What was planned for the key is for this reconcile to plan anew.
            self._wakeups.drop(key)
            self._active[key] = asyncio.create_task(self._work(key), name=f"reconcile {'/'.join(key)}")

    async def _work(self, key: ObjectKey) -> None:
        # The context is this task's own, so nothing needs to be unbound.
        structlog.contextvars.bind_contextvars(
            controller=key.kind.lower(),
            namespace=key.namespace,
            name=key.name,
            reconcileID=f"{random.getrandbits(64):016x}",
        )
        began = self._monotonic()
        result = "cancelled"
        try:
            requeue_after = await self._reconcile(key)
        except Exception:  # The loop's guard: one bad object never stops the others.
            result = "error"
            log.exception("reconcile failed; it is tried again")
            self._metrics.reconcile_errors.labels(key.kind.lower()).inc()
            self.add_rate_limited(key)
        else:
            result = "success" if requeue_after is None else "requeue_after"
            self._failures.pop(key, None)
            self._due.pop(key, None)
            if requeue_after is not None:
                self.add_after(key, requeue_after)
        finally:
            self._finish(key, result, self._monotonic() - began)

    def _finish(self, key: ObjectKey, result: str, took: float) -> None:
        controller = key.kind.lower()
        self._metrics.reconcile.labels(controller, result).inc()
        self._metrics.reconcile_time.labels(controller).observe(took)
        del self._active[key]
        if key in self._again:
            self.add(key, any(self._again.pop(key)))
        elif not self._stopped:
            self._start_more()
