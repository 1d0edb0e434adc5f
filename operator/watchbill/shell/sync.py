"""Lists at the start whatever may page, and finds later what the watch did not tell.

kopf never tells of what was deleted while it was not connected (kopf.md §7, A4). What it should have told
the server is asked for once more: every change since the last comparison, deletions among them. That costs
one request for each kind, however many objects there are; everything is listed only where it must be.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from watchbill.shell.cache import Cache, ObjectKey, Raw, Version, key_of, version_of
from watchbill.shell.comparison import Comparison, Found, news, whole
from watchbill.shell.fresh import FreshReads
from watchbill.shell.kube import GONE, Invalid, Kube, KubeError, NotFound, Refused
from watchbill.shell.metrics import Metrics, started_at_zero
from watchbill.shell.paths import path_of
from watchbill.shell.sweep import RESTING_PHASES
from watchbill.shell.watch import Deliver

NEEDED = ("IncidentClass", "EscalationPolicy", "Connection", "IncidentUpdate")
"""What decisions about incidents need."""

KINDS_IN_ORDER = (*NEEDED, "Incident", "Runbook", "RunbookRun")
"""What decisions about incidents need comes first, and what pages nobody last."""

PERIOD = 120.0
"""Seconds between two resyncs (kopf.md, D7)."""

WHOLE_PERIOD = 3600.0
"""Seconds after which everything is listed again, and what was thought to be known is not relied on."""

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
        started_at_zero(metrics.watch_missed, KINDS_IN_ORDER)
        self._deliver = deliver
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.synced = False
        """Whether all that pages hang on has been listed once."""
        self.problem = "no kind has been listed yet"
        """Why the last list failed; the empty text where it did not."""
        self.on_appeared: Callable[[], None] = lambda: None
        """Called when a kind is served that was not: kopf finds kinds only when it starts."""
        self.on_missed: Callable[[], None] = lambda: None
        """Called when a resync found changes though nobody knew of a gap: the watch is stalled."""
        self._absent: set[str] = set()
        self._since: dict[tuple[str, str], str] = {}
        """Up to which version each kind is known in each place; what is not here must be listed."""
        self._whole_at = float("-inf")
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
        """Return once all that pages hang on was listed and delivered, but incidents that rest.

        `begin` is called when all is known that decisions about incidents need. From then on incidents are
        delivered, those first whose severity no class has, for they are worked at as the worst (DESIGN §7),
        then the worst.
        """
        *_, incident, runbook, run = KINDS_IN_ORDER
        for kind in NEEDED:
            await self._list_until_it_succeeds(kind)
        begin()
        for selector in selectors(ranks_of(self._cache.list("IncidentClass"))):
            if not await self._list_until_it_succeeds(incident, selector):
                break
        self._succeeded()
        for kind in (runbook, run):
            try:
                await self._list(kind)
            except KubeError as error:
                # No page hangs on it: the next comparison lists what could not be listed now.
                self._note(kind, error)
                self.request()
        self.synced = True

    @property
    def running(self) -> bool:
        """Whether it compares, or has not begun to: False once it has ended."""
        return self._task is None or not self._task.done()

    async def resync(self) -> int:
        """Deliver what differs between the API server and the cache; raises KubeError.

        Returns how many changes were missed; deletions are not counted, for kopf misses some of them.
        """
        self._forget_now_and_then()
        # The server tells what is new for a second: of all kinds at once.
        asked = [(kind, place) for kind in KINDS_IN_ORDER for place in self._kube.places(kind)]
        everything = await asyncio.gather(*(self._found(kind, place) for kind, place in asked))
        missed = 0
        for (kind, place), found in zip(asked, everything, strict=True):
            try:
                if isinstance(found, KubeError):
                    raise found
                missed += await self._settle(kind, place, found)
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

    async def _list_until_it_succeeds(self, kind: str, selector: str = "") -> bool:
        """Whether what was selected was listed; where the server cannot select, everything was."""
        selects = True
        for pause in _endless(RETRIES):
            try:
                await self._list(kind, selector if selects else "")
            except KubeError as error:
                # The selector is all that can be invalid about a list.
                selects = selects and not isinstance(error, Invalid)
                self._note(kind, error)
                await asyncio.sleep(pause)
            else:
                self._is_served(kind)
                break
        return selects

    async def _list(self, kind: str, selector: str = "") -> None:
        # Page by page: all incidents at once would take the memory that they need for ever after.
        began = self._fresh.moment
        for place in self._kube.places(kind):
            async for page in self._kube.pages(path_of(kind, place), fields=selector):
                # Of several lists the first counts: what changed since may be missed.
                self._since.setdefault((kind, place), page.resource_version)
                for raw in page.items:
                    if kind == "Incident":
                        self._fresh.note(key_of(kind, raw), began)
                    self._deliver(kind, None, raw)

    def _forget_now_and_then(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._whole_at >= WHOLE_PERIOD:
            # What was listed at the start is the first whole.
            if self._whole_at > float("-inf"):
                self._since.clear()
            self._whole_at = now

    async def _found(self, kind: str, place: str) -> Comparison | KubeError:
        """What the API server says of each object that may stand otherwise than the cache has it."""
        try:
            if since := self._since.get((kind, place)):
                try:
                    return await news(self._kube, kind, place, since)
                except Refused as error:
                    if error.status != GONE:
                        return error
            return await whole(self._kube, kind, place, self._cache.versions(kind))
        except KubeError as error:
            return error

    def _differs(self, key: ObjectKey, found: Found) -> bool:
        """Whether the cache is older than what was found."""
        known = self._cache.version(key)
        if found.exists:
            return known is None or known.resource_version < found.version
        # What was created after the list was made is in the cache and not in the list.
        return known is not None and known.resource_version <= found.version

    async def _settle(self, kind: str, place: str, comparison: Comparison) -> int:
        """Deliver what the watch does not tell of by itself; how many changes that were no deletions."""
        suspects = [key for key, found in comparison.found.items() if self._differs(key, found)]
        if suspects:
            await asyncio.sleep(GRACE)
        changes = 0
        for key in sorted(suspects):
            if self._differs(key, comparison.found[key]):
                changes += await self._catch_up(kind, key)
        self._since[kind, place] = comparison.until
        return changes

    async def _catch_up(self, kind: str, key: ObjectKey) -> bool:
        """Deliver one object as it is now; whether it is there."""
        known = self._cache.version(key)
        try:
            raw = await self._kube.get(path_of(*key))
        except NotFound:
            raw = None
        if known is None and raw is None:
            return False
        self._metrics.watch_missed.labels(kind).inc()
        log.warning("the watch had not told of a change", kind=kind, namespace=key.namespace, name=key.name)
        if known is not None and (raw is None or version_of(raw).uid != known.uid):
            self._deliver(kind, "DELETED", _remains(key, known))
        if raw is not None:
            self._deliver(kind, None, raw)
        return raw is not None

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


def ranks_of(classes: Iterable[Raw]) -> dict[str, int]:
    """The rank of each severity by name, 1 for the worst; the best that any class gives it."""
    ranks: dict[str, int] = {}
    for each in classes:
        for row in (each.get("spec") or {}).get("severities") or []:
            name, rank = str(row.get("name")), int(row.get("rank", 0))
            ranks[name] = min(rank, ranks.get(name, rank))
    return ranks


def selectors(ranks: Mapping[str, int]) -> list[str]:
    """Field selectors that together find each incident once that does not rest, the most urgent first."""
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
