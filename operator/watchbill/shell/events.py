"""Tells people of transitions by Kubernetes Events, which `kubectl describe` shows; never in the way."""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import structlog

from watchbill.api.group import API_VERSION
from watchbill.providers.contract import Rate
from watchbill.shell.cache import Raw
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Body, Conflict, Forbidden, Kube, KubeError, NotFound, Unreachable
from watchbill.shell.metrics import Metrics, started_at_zero
from watchbill.shell.paths import core_path
from watchbill.shell.rate import Bucket

COMPONENT = "watchbill"
PACE = Rate(burst=25, per_second=20)
"""How fast Events are written: in a storm, pages and their records come first at the API server."""

WAITING = 5000
"""How many different Events may wait to be written; what comes then is dropped and counted."""

REMEMBERED = 2048
"""How many Events are remembered for being counted on instead of written anew."""

DROPPED = ("QueueFull", "Forbidden", "Refused", "Unreachable")
"""Why an Event is not written."""

MESSAGE_LENGTH = 1024
NAME_LENGTH = 220
TRIES = 3
PAUSE = 1.0
"""Seconds until an Event is tried again, up to three times in all."""

log = structlog.get_logger(__name__)

EventType = Literal["Normal", "Warning"]


class _Key(NamedTuple):
    """What makes two Events one that happened twice."""

    uid: str
    reason: str
    message: str


@dataclass(slots=True)
class _Pending:
    """An Event that waits to be written."""

    involved: dict[str, Any]
    type: EventType
    first_time: str
    last_time: str
    count: int = 1


class Recorder:
    """Writes Events in the background, one at a time; losing one is no error."""

    def __init__(self, kube: Kube, clock: Clock, metrics: Metrics, instance: str) -> None:
        self._kube = kube
        self._clock = clock
        self._dropped = metrics.kube_events_dropped
        started_at_zero(self._dropped, DROPPED)
        self._instance = instance
        self._pending: OrderedDict[_Key, _Pending] = OrderedDict()
        self._counts: OrderedDict[_Key, int] = OrderedDict()
        self._bucket = Bucket(PACE, clock.monotonic())
        self._something = asyncio.Event()
        self._stopping = False
        self._said_forbidden = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="write events")

    async def stop(self, grace: float = 2.0) -> None:
        """Write what waits, for up to `grace` seconds, and end."""
        self._stopping = True
        self._something.set()
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def record(self, kind: str, raw: Raw, reason: str, message: str, type_: EventType = "Normal") -> None:
        """Tell that this happened to the object; returns at once and never fails."""
        metadata = raw["metadata"]
        key = _Key(metadata.get("uid", ""), reason, _cut(message))
        now = _seconds(self._clock.now())
        if key in self._pending:
            self._pending[key].count += 1
            self._pending[key].last_time = now
        elif len(self._pending) >= WAITING:
            self._dropped.labels("QueueFull").inc()
        else:
            involved = {"apiVersion": API_VERSION, "kind": kind, "name": metadata["name"], "uid": key.uid}
            if metadata.get("namespace"):
                involved["namespace"] = metadata["namespace"]
            self._pending[key] = _Pending(involved, type_, now, now)
            self._something.set()

    async def _run(self) -> None:
        while True:
            if not self._pending and self._stopping:
                return
            if not self._pending:
                self._something.clear()
                await self._something.wait()
                continue
            if not self._stopping and (wait := self._bucket.wait(self._clock.monotonic())) > 0:
                await asyncio.sleep(wait)
                continue
            self._bucket.take(self._clock.monotonic())
            key, pending = self._pending.popitem(last=False)
            await self._deliver(key, pending)

    async def _deliver(self, key: _Key, pending: _Pending) -> None:
        for _ in range(TRIES):
            try:
                return await self._write(key, pending)
            except Unreachable:
                await asyncio.sleep(PAUSE)
            except Forbidden as error:
                if not self._said_forbidden:
                    log.warning("events may not be written; the rest is not affected", problem=error.message)
                self._said_forbidden = True
                return self._dropped.labels("Forbidden").inc()
            except KubeError as error:
                log.warning("an event was refused", problem=str(error))
                return self._dropped.labels("Refused").inc()
        self._dropped.labels("Unreachable").inc()

    async def _write(self, key: _Key, pending: _Pending) -> None:
        namespace = pending.involved.get("namespace", "default")
        path = core_path("events", namespace, _name_of(key, pending))
        count = self._counts.pop(key, 0)
        if count == 0:
            try:
                await self._kube.post(core_path("events", namespace), self._body(key, pending, namespace))
            except Conflict:
                # It was written before this process began. The patch, which changes little, tells the
                # count: the shipped role does not allow to get Events.
                found = await self._kube.patch(path, {"lastTimestamp": pending.last_time})
                count = int(found.get("count") or 1)
        if count:
            change = {"count": count + pending.count, "lastTimestamp": pending.last_time}
            try:
                await self._kube.patch(path, change)
            except NotFound:
                # The server forgets Events after an hour.
                count = 0
                await self._kube.post(core_path("events", namespace), self._body(key, pending, namespace))
        self._counts[key] = count + pending.count
        if len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)

    def _body(self, key: _Key, pending: _Pending, namespace: str) -> Body:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": _name_of(key, pending), "namespace": namespace},
            "involvedObject": pending.involved,
            "reason": key.reason,
            "message": key.message,
            "type": pending.type,
            "count": pending.count,
            "firstTimestamp": pending.first_time,
            "lastTimestamp": pending.last_time,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._instance,
        }


def _name_of(key: _Key, pending: _Pending) -> str:
    """The same for the same Event, also in another process, so that it is counted on."""
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:16]
    return f"{pending.involved['name'][:NAME_LENGTH].rstrip('.-')}.{digest}"


def _cut(message: str) -> str:
    """The message in at most 1024 bytes, which is all that the API server takes."""
    return message.encode()[:MESSAGE_LENGTH].decode(errors="ignore")


def _seconds(moment: datetime) -> str:
    """The moment in whole seconds, as Kubernetes' metav1.Time has it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
