"""Writes the status of incidents; the only writer."""

from collections.abc import Callable
from typing import Any

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.core import ledger
from watchbill.shell.cache import Cache, ObjectKey, version_of
from watchbill.shell.kube import Invalid, Kube
from watchbill.shell.paths import path_of

KEPT_ENTRIES = 10
"""How many entries of the timeline a status keeps that was refused as it was."""


def merge_patch(old: Any, new: Any) -> Any:
    """The RFC 7386 patch that makes `new` of `old`: what is gone is null, what is equal is left out."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    gone = {name: None for name in old if name not in new}
    changed = {name: merge_patch(old.get(name), new[name]) for name in new if old.get(name) != new[name]}
    return gone | changed


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
        self.on_echo: Callable[[ObjectKey], None] = lambda key: None
        """Called where the watch has told of a write before the server answered it: nothing new was told."""

    async def write(self, incident: Incident, status: IncidentStatus) -> bool:
        """Make the status so; whether anything had to be written. Raises KubeError.

        The resourceVersion fences it: Conflict where the incident has changed since it was observed. A status
        that the server refuses as invalid or too large is tried once more without its history.
        """
        try:
            return await self._patch(incident, status)
        except Invalid:
            smaller = minimal(status)
            if smaller == status:
                raise
            return await self._patch(incident, smaller)

    async def _patch(self, incident: Incident, status: IncidentStatus) -> bool:
        change = merge_patch(incident.status.to_json(), status.to_json())
        if not change:
            return False
        metadata = incident.metadata
        body = {"metadata": {"resourceVersion": metadata.resource_version}, "status": change}
        key = ObjectKey("Incident", metadata.namespace or "", metadata.name)
        written = await self._kube.patch_status(path_of(*key), body)
        if not self._cache.upsert(key.kind, written) and self._cache.version(key) == version_of(written):
            self.on_echo(key)
        return True
