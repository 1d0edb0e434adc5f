"""Writes the status of incidents; the only writer."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeVar

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.api.model import StatusModel
from watchbill.core import ledger
from watchbill.shell.cache import Cache, ObjectKey, version_of
from watchbill.shell.kube import Conflict, Invalid, Kube, Unreachable
from watchbill.shell.paths import path_of
from watchbill.shell.turns import Turns

AT_ONCE = 4
"""How many statuses are written at the same time.

To write one costs the API server five times as much as to read one. In a storm the pages that are due, and
what is read for them, must not wait behind the records of those that are sent.
"""

AHEAD, SHOWN, LATER = range(3)
"""The ranks of writes: what something waits for, what people wait to see, and what merely records."""

HELD = 5.0
"""Seconds for which a rush of pages holds up what nothing waits for."""

KEPT_ENTRIES = 10
"""How many entries of the timeline a status keeps that was refused as it was."""


Status = TypeVar("Status", bound=StatusModel)


def merge_patch(old: Any, new: Any) -> Any:
    """The RFC 7386 patch that makes `new` of `old`: what is gone is null, what is equal is left out."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    gone = {name: None for name in old if name not in new}
    changed = {name: merge_patch(old.get(name), new[name]) for name in new if old.get(name) != new[name]}
    return gone | changed


def change(old: Status, new: Status) -> dict[str, Any]:
    """The RFC 7386 patch that makes the new status of the old one; {} where nothing changes."""
    fields = new.unshared(old)
    found: dict[str, Any] = merge_patch(old.to_json(fields), new.to_json(fields))
    return found


def minimal(status: IncidentStatus) -> IncidentStatus:
    """The status with all that no decision needs left out, for when the whole is refused."""
    kept = status.timeline[-KEPT_ENTRIES:]
    dropped = status.timeline_dropped + len(status.timeline) - len(kept)
    pages = tuple(page for page in status.pages if not ledger.is_settled(page))
    return status.model_copy(update={"timeline": kept, "timeline_dropped": dropped, "pages": pages})


class Store:
    """Patches the status of an incident where it has changed since it was read."""

    def __init__(self, kube: Kube, cache: Cache) -> None:
        self._kube = kube
        self._cache = cache
        self._turns = Turns(AT_ONCE, self._is_held)
        self.aside: Callable[[], AbstractContextManager[None]] = nullcontext
        """Entered while a write waits for its turn and for its answer."""
        self.on_echo: Callable[[ObjectKey], None] = lambda key: None
        """Called where the watch has told of a write before the server answered it: nothing new was told."""

        self.in_rush: Callable[[], bool] = lambda: False
        """Whether many pages leave at the moment."""

    async def write(self, incident: Incident, status: IncidentStatus, rank: int = AHEAD) -> bool:
        """Make the status so; whether anything had to be written. Raises KubeError.

        The resourceVersion fences it: Conflict where the incident has changed since it was observed. A status
        that the server refuses as invalid or too large is tried once more without its history. A lower rank
        goes first, and all but the lowest wait for the end of a rush of pages, 5 s at most.
        """
        whole = change(incident.status, status)
        if not whole:
            return False
        key = ObjectKey("Incident", incident.metadata.namespace or "", incident.metadata.name)
        async with self._turn(key, rank):
            try:
                await self._patch(key, incident, whole)
            except Invalid:
                smaller = change(incident.status, minimal(status))
                if smaller == whole:
                    raise
                if smaller:
                    await self._patch(key, incident, smaller)
                return bool(smaller)
        return True

    def outdated(self, key: ObjectKey) -> None:
        """Have a write that still waits for its turn fail as a Conflict: the incident has changed since."""
        self._turns.give_up(key, Conflict(409, "Conflict", "it changed while its record waited"))

    def _is_held(self, rank: int, waited: float) -> bool:
        return rank > AHEAD and waited < HELD and self.in_rush()

    @asynccontextmanager
    async def _turn(self, key: ObjectKey, rank: int) -> AsyncIterator[None]:
        waits = self._turns.must_wait(rank)
        with self.aside():
            async with self._turns.turn(key, rank):
                if waits and self._kube.unreachable_since is not None:
                    raise Unreachable(0, "", "it did not answer the write of another status")
                yield

    async def _patch(self, key: ObjectKey, incident: Incident, part: dict[str, Any]) -> None:
        body = {"metadata": {"resourceVersion": incident.metadata.resource_version}, "status": part}
        written = await self._kube.patch_status(path_of(*key), body)
        if not self._cache.upsert(key.kind, written) and self._cache.version(key) == version_of(written):
            self.on_echo(key)
