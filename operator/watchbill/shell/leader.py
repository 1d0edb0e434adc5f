"""Who acts: the holder of a Lease, judged by the monotonic clock alone (kopf.md §5.3, DESIGN §4, rule 8)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from watchbill.shell.clock import Clock
from watchbill.shell.kube import Body, Conflict, Kube, KubeError, NotFound, Unreachable
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import lease_path

LEASE_DURATION = 10.0
"""Seconds without renewal after which another may take the lease."""

RENEW_DEADLINE = 7.0
"""Seconds from the start of a renewal for which its holder acts: less than others wait for."""

RETRY_PERIOD = 2.0
"""Seconds between two tries, and the most that one request may take."""

SOON = 0.2
"""Seconds until the next try where the Lease was written by somebody since it was read."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LeaseName:
    """Which Lease is contended for, and under which name by us."""

    namespace: str
    name: str
    identity: str


@dataclass(frozen=True)
class Seen:
    """The Lease as last read, and when it was first seen so, by the monotonic clock."""

    lease: Body | None
    since: float

    @property
    def holder(self) -> str:
        """Who holds it; the empty text where nobody does."""
        return str(((self.lease or {}).get("spec") or {}).get("holderIdentity") or "")

    @property
    def duration(self) -> float:
        """For how long its holder said that a renewal counts."""
        spec = (self.lease or {}).get("spec") or {}
        return float(spec.get("leaseDurationSeconds") or LEASE_DURATION)


class Elector:
    """Takes, renews and releases the Lease.

    A renewal counts for 7 s from when it was begun; a blocked loop is therefore found out by whoever
    asks `is_leader`, without the loop's help. Someone else's lease is taken 10 s after it was last seen
    to change. The same identity takes over at once: it is this pod's container, started again.
    A candidate whose clock is off waits 10 s more than others, so that one with a good clock comes
    first, and a lone replica is not silent for ever. A leader whose clock goes wrong goes on: its
    deadlines are armed by the monotonic clock.
    """

    def __init__(self, kube: Kube, clock: Clock, metrics: Metrics, lease: LeaseName) -> None:
        self._kube = kube
        self._clock = clock
        self._metrics = metrics.leader.labels(lease.name)
        self._name = lease
        self._path = lease_path(lease.namespace, lease.name)
        self._seen: Seen | None = None
        self._valid_until = float("-inf")
        self._leading = False
        self._won = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._complaint = ""
        self._unreachable_since: datetime | None = None
        self.on_gain: Callable[[], None] = lambda: None
        self.on_loss: Callable[[], None] = lambda: None
        self._lost_by_silence = False
        self._notes: dict[str, str] = {}

    def is_leader(self) -> bool:
        """Whether this process may act now."""
        return self.valid_for() > 0

    def valid_for(self) -> float:
        """Seconds for which it surely may act; 0 where it may not."""
        return max(self._valid_until - self._clock.monotonic(), 0.0) if self._leading else 0.0

    @property
    def lost_unreachable_since(self) -> datetime | None:
        """Since when the lease could not be renewed because no answer came; None in all other cases.

        Such a process was the leader, and nobody else is known to be: it finishes its round (rule 6).
        """
        expired = self._leading and not self.is_leader()
        return self._unreachable_since if expired or self._lost_by_silence else None

    async def gain(self) -> None:
        """Return once this process leads, at once where it does."""
        while not self.is_leader():
            # A lease that ran out was won too, some time ago: what counts is the next renewal.
            self._won.clear()
            await self._won.wait()

    @property
    def running(self) -> bool:
        """Whether it still tries: False before `start` and after `stop`."""
        return self._task is not None and not self._task.done()

    @property
    def holder(self) -> str:
        """Who was last seen to hold the lease; the empty text for nobody."""
        return self._seen.holder if self._seen else ""

    def note(self, name: str, value: str) -> None:
        """Keep an annotation of the Lease for whoever leads next; it is written with the next renewal."""
        self._notes[name] = value

    def noted(self, name: str) -> str:
        """What was last noted under this name, by whoever led; the empty text for nothing."""
        metadata = ((self._seen.lease if self._seen else None) or {}).get("metadata") or {}
        return str(self._notes.get(name) or (metadata.get("annotations") or {}).get(name, ""))

    def start(self) -> None:
        """Begin to try."""
        self._metrics.set(0)
        self._task = asyncio.create_task(self._run(), name="elector")

    async def stop(self) -> None:
        """End, and let go of the lease where we hold it, so that another may take it at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        notes = dict(self._notes)
        if self._leading:
            self._lose("the process stops")
        self._notes = notes
        with suppress(KubeError):
            # The try that was cut off may have written.
            await self._read()
            if self.holder == self._name.identity:
                await self._write("", duration=1)

    async def _run(self) -> None:
        while True:
            began = self._clock.monotonic()
            await self.attempt()
            # After a conflict nothing is known; a leader has no time to lose.
            next_try = began + (SOON if self._seen is None and not self._complaint else RETRY_PERIOD)
            if self._leading and self._valid_until < next_try:
                await self._sleep_until(self._valid_until)
                self._check_validity()
            await self._sleep_until(next_try)

    async def attempt(self) -> None:
        """Try once to take or to renew; never raises for what the API server does."""
        self._check_validity()
        began, began_at = self._clock.monotonic(), self._clock.now()
        try:
            if self._seen is None or not self._leading:
                await self._read()
            if self._may_take():
                await self._write(self._name.identity, LEASE_DURATION)
                self._win(began)
            elif self._leading:
                self._lose("another holds it")
            else:
                self._forget_silence()
        except Conflict:
            # Somebody wrote since it was read, or our own write was taken and its answer lost.
            self._seen = None
        except Unreachable as error:
            self._complain("the lease cannot be reached", str(error))
            # Where the process itself stood still, it missed the answer: the server was not silent.
            stood_still = self._clock.monotonic() - began >= RENEW_DEADLINE
            if self._leading and self._unreachable_since is None and not stood_still:
                self._unreachable_since = began_at
        except KubeError as error:
            text = "the lease was refused; config/rbac/operator.yaml grants what it takes"
            self._complain(text, str(error))
        else:
            self._complaint = ""
        self._check_validity()

    def _complain(self, text: str, problem: str) -> None:
        """Say what is wrong once, until it is something else."""
        if problem != self._complaint:
            log.warning(text, lease=self._path, problem=problem)
        self._complaint = problem

    def _may_take(self) -> bool:
        seen, now = self._seen, self._clock.monotonic()
        if seen is None:
            return False
        if seen.holder == self._name.identity:
            return True
        patience = LEASE_DURATION if self._clock.skewed else 0.0
        held = seen.duration if seen.holder else 0.0
        return now - seen.since >= held + patience

    async def _read(self) -> None:
        try:
            lease: Body | None = await self._kube.get(self._path, timeout=self._patience())
        except NotFound:
            lease = None
        if self._seen is None or _version(lease) != _version(self._seen.lease):
            self._seen = Seen(lease, self._clock.monotonic())

    async def _write(self, holder: str, duration: float) -> None:
        before = self._seen.lease if self._seen else None
        body = self._body(before, holder, duration)
        if before is None:
            path = lease_path(self._name.namespace)
            lease = await self._kube.post(path, body, timeout=self._patience())
        else:
            lease = await self._kube.put(self._path, body, timeout=self._patience())
        self._seen = Seen(lease, self._clock.monotonic())

    def _body(self, before: Body | None, holder: str, duration: float) -> Body:
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        old: dict[str, Any] = (before or {}).get("spec") or {}
        renewed = old.get("holderIdentity") == holder
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(duration),
            "acquireTime": old.get("acquireTime", now) if renewed else now,
            "renewTime": now,
            "leaseTransitions": int(old.get("leaseTransitions") or 0) + (not renewed and before is not None),
        }
        metadata = (before or {}).get("metadata") or {
            "name": self._name.name,
            "namespace": self._name.namespace,
        }
        if self._notes:
            metadata = metadata | {"annotations": (metadata.get("annotations") or {}) | self._notes}
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}

    def _check_validity(self) -> None:
        """Notice that the time of the last renewal is over."""
        if self._leading and self._clock.monotonic() >= self._valid_until:
            self._lost_by_silence = self._unreachable_since is not None
            self._lose("it was not renewed in time")

    def _win(self, began: float) -> None:
        self._valid_until = began + RENEW_DEADLINE
        self._won.set()
        self._forget_silence()
        if not self._leading:
            self._leading = True
            self._metrics.set(1)
            log.info("this process leads", lease=self._path, identity=self._name.identity)
            self.on_gain()

    def _lose(self, why: str) -> None:
        self._leading = False
        # Whoever leads meanwhile may note something newer.
        self._notes.clear()
        self._valid_until = float("-inf")
        self._metrics.set(0)
        log.warning("this process does not lead any more", lease=self._path, why=why)
        self.on_loss()

    def _forget_silence(self) -> None:
        self._unreachable_since, self._lost_by_silence = None, False

    def _patience(self) -> float:
        """Seconds that a request may take: a leader's ends when the last renewal does."""
        return min(RETRY_PERIOD, self.valid_for() or RETRY_PERIOD)

    async def _sleep_until(self, moment: float) -> None:
        await asyncio.sleep(max(moment - self._clock.monotonic(), 0.0))


def _version(lease: Body | None) -> str | None:
    return None if lease is None else str(lease["metadata"]["resourceVersion"])
