"""Lists at the start whatever may page, and finds later what the watch did not tell.

kopf never tells of what was deleted while it was not connected (kopf.md §7, A4).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import structlog

from watchbill.shell.cache import Cache, ObjectKey, Raw, Version, key_of, version_of
from watchbill.shell.fresh import FreshReads
from watchbill.shell.kube import Invalid, Kube, KubeError, NotFound
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import path_of
from watchbill.shell.sweep import RESTING_PHASES
from watchbill.shell.watch import Deliver

KINDS_IN_ORDER = ("IncidentClass", "EscalationPolicy", "Connection", "IncidentUpdate", "Incident")
"""What decisions about incidents need comes first."""

PERIOD = 120.0
"""Seconds between two resyncs (kopf.md, D7)."""

GRACE = 1.0
"""Seconds that the watch gets to tell by itself of what a resync found."""

RETRIES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds until a list that failed is tried again; the last for ever."""

MOST_NAMES = 40
"""How many names of severities are told apart; with more, incidents come in the order of their names."""

log = structlog.get_logger(__name__)


class Syncer:
    """Tells `deliver` of every object once, and from then on of every change that the watch missed."""

    def __init__(
        self, kube: Kube, cache: Cache, metrics: Metrics, deliver: Deliver, fresh: FreshReads
    ) -> None:
        self._kube = kube
        self._fresh = fresh
        self._cache = cache
        self._metrics = metrics
        self._deliver = deliver
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.synced = False
        """Whether every kind has been listed once, and of incidents all that may page."""
        self.problem = "no kind has been listed yet"
        """Why the last list failed; the empty text where it did not."""
        self.on_appeared: Callable[[], None] = lambda: None
        """Called when a kind is served that was not: kopf finds kinds only when it starts."""
        self.on_missed: Callable[[], None] = lambda: None
        """Called when a resync found changes though nobody knew of a gap: the watch is stalled."""
        self._absent: set[str] = set()
        self.last_time: float = float("-inf")
        """When the last resync ended well, in seconds of the loop's clock."""

    def start(self, period: float = PERIOD) -> None:
        """Compare with the API server every `period` seconds, and whenever `request` is called."""
        self._fresh.forget()
        self._task = asyncio.create_task(self._run(period), name="resync")

    def request(self) -> None:
        """Compare soon: the watch was interrupted."""
        self._wanted.set()

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def first_sync(self, begin: Callable[[], None] = lambda: None) -> None:
        """Return once every kind was listed and delivered, but incidents that rest; tries until then.

        `begin` is called when all is known that decisions about incidents need. From then on incidents are
        delivered, those first whose severity no class has, for they are worked at as the worst (DESIGN §7),
        then the worst.
        """
        *others, incident = KINDS_IN_ORDER
        for kind in others:
            await self._list_until_it_succeeds(kind)
        begin()
        for selector in selectors(self._cache.list("IncidentClass")):
            await self._list_until_it_succeeds(incident, selector)
        self._succeeded()
        self.synced = True

    @property
    def running(self) -> bool:
        """Whether it compares, or has not begun to: False once it has ended."""
        return self._task is None or not self._task.done()

    async def resync(self) -> int:
        """Deliver what differs between the API server and the cache; raises KubeError.

        Returns how many changes were missed; deletions are not counted, for kopf misses some of them.
        """
        missed = 0
        for kind in KINDS_IN_ORDER:
            try:
                suspects = await self._suspects(kind)
                if suspects:
                    await asyncio.sleep(GRACE)
                    missed += await self._settle(kind, await self._suspects(kind) & suspects)
            except KubeError as error:
                self._note(kind, error)
                raise
            self._is_served(kind)
        self._succeeded()
        return missed

    async def _run(self, period: float) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(period):
                    await self._wanted.wait()
            requested = self._wanted.is_set()
            self._wanted.clear()
            try:
                missed = await self.resync()
            except KubeError:
                # It was noted; a request that could not be answered is kept.
                await asyncio.sleep(min(RETRIES[-1], period))
                self._wanted.set()
            else:
                if missed and not requested:
                    self.on_missed()

    async def _list_until_it_succeeds(self, kind: str, selector: str = "") -> None:
        for pause in _endless(RETRIES):
            try:
                await self._list(kind, selector)
            except Invalid:
                # A server that cannot select is asked for all, as often as there are selectors.
                await self._list(kind)
            except KubeError as error:
                self._note(kind, error)
                await asyncio.sleep(pause)
            else:
                self._is_served(kind)
                return

    async def _list(self, kind: str, selector: str = "") -> None:
        # Page by page: all incidents at once would take the memory that they need for ever after.
        began = self._fresh.moment
        async for page in self._kube.pages(path_of(kind), fields=selector):
            for raw in page.items:
                if kind == "Incident":
                    self._fresh.note(key_of(kind, raw), began)
                self._deliver(kind, None, raw)

    async def _suspects(self, kind: str) -> set[tuple[ObjectKey, Version | None]]:
        """What the API server has in a newer version, and what it has no more (then with None)."""
        there: dict[ObjectKey, Version] = {}
        moment = 0
        async for page in self._kube.pages(path_of(kind), metadata_only=True):
            there.update((key_of(kind, raw), version_of(raw)) for raw in page.items)
            moment = int(page.resource_version or 0)
        known = self._cache.versions(kind)
        changed = {
            (key, version)
            for key, version in there.items()
            if key not in known or known[key].resource_version < version.resource_version
        }
        # What was created after the list was made is in the cache and not in the list.
        gone = {
            (key, None)
            for key, version in known.items()
            if key not in there and version.resource_version <= moment
        }
        return changed | gone

    async def _settle(self, kind: str, suspects: set[tuple[ObjectKey, Version | None]]) -> int:
        changes = 0
        for key, _ in sorted(suspects, key=lambda suspect: suspect[0]):
            known = self._cache.version(key)
            try:
                raw = await self._kube.get(path_of(*key))
            except NotFound:
                raw = None
            if known is None and raw is None:
                continue
            self._metrics.watch_missed.labels(kind).inc()
            log.warning(
                "the watch had not told of a change", kind=kind, namespace=key.namespace, name=key.name
            )
            if known is not None and (raw is None or version_of(raw).uid != known.uid):
                self._deliver(kind, "DELETED", _remains(key, known))
            if raw is not None:
                changes += 1
                self._deliver(kind, None, raw)
        return changes

    def _note(self, kind: str, error: KubeError) -> None:
        if isinstance(error, NotFound):
            self._absent.add(kind)
        self.problem = f"{kind} cannot be listed: {error}"
        log.warning("cannot list", kind=kind, problem=str(error))

    def _is_served(self, kind: str) -> None:
        if kind in self._absent:
            self._absent.discard(kind)
            self.on_appeared()

    def _succeeded(self) -> None:
        self.problem = ""
        self.last_time = asyncio.get_running_loop().time()


def selectors(classes: Iterable[Raw]) -> list[str]:
    """Field selectors that together find each incident once that does not rest, the most urgent first."""
    ranks: dict[str, int] = {}
    for each in classes:
        for row in (each.get("spec") or {}).get("severities") or []:
            name, rank = str(row.get("name")), int(row.get("rank", 0))
            ranks[name] = min(rank, ranks.get(name, rank))
    awake = ",".join(f"status.phase!={phase}" for phase in RESTING_PHASES)
    if len(ranks) > MOST_NAMES:
        return [awake]
    unknown = "".join(f",spec.severity!={name}" for name in sorted(ranks))
    known = sorted(ranks, key=lambda name: (ranks[name], name))
    return [awake + unknown, *(f"{awake},spec.severity={name}" for name in known)]


def _remains(key: ObjectKey, known: Version) -> dict[str, Any]:
    """What can be said of an object whose deletion nobody told of."""
    metadata = {"namespace": key.namespace, "name": key.name, "uid": known.uid}
    return {"metadata": metadata | {"resourceVersion": str(known.resource_version)}}


def _endless(pauses: Sequence[float]) -> Iterable[float]:
    yield from pauses
    while True:
        yield pauses[-1]
