"""Which objects must be looked at again when another one has changed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from watchbill.api.reasons import READY
from watchbill.core.readiness import is_default
from watchbill.shell.cache import ObjectKey, Raw, Version, key_of

REFERRERS = {
    "Connection": (("EscalationPolicy", "connectionRef"), ("IncidentClass", "connectionRef")),
    "EscalationPolicy": (("IncidentClass", "policyRef"),),
}
"""Who names a kind, and in which field: changes of an object are judged there."""


class Objects(Protocol):
    """The objects as last seen; synced for every kind before anything here is asked."""

    def version(self, key: ObjectKey) -> Version | None:
        """How new the object is known, also while it rests; None where there is none."""
        ...

    def get(self, kind: str, namespace: str, name: str) -> Raw | None:
        """The object; None where there is none, or where it rests."""
        ...

    def list(self, kind: str, namespace: str | None = None) -> Iterable[Raw]:
        """All objects of a kind, in one namespace or everywhere."""
        ...


def dependants(kind: str, namespace: str, name: str, cache: Objects) -> list[ObjectKey]:
    """The objects whose Ready may change because this one was created, changed, or was deleted.

    It walks the cache: ask it for changes after the first sync only, for at first every object is judged.
    """
    return sorted(set(_dependants(ObjectKey(kind, namespace, name), cache)))


def _dependants(key: ObjectKey, cache: Objects) -> Iterator[ObjectKey]:
    for referrer, field in REFERRERS.get(key.kind, ()):
        for raw in cache.list(referrer):
            if _names(raw["spec"], field, key, key_of(referrer, raw).namespace):
                yield key_of(referrer, raw)
    if key.kind == "IncidentClass":
        for name in default_classes(cache):
            if name != key.name:
                yield ObjectKey(key.kind, "", name)
    if key.kind == "Incident":
        exists = cache.version(key) is not None
        for update in cache.list("IncidentUpdate", key.namespace):
            # An incident changes often, and its existence twice: an update that agrees can rest.
            if _names(update["spec"], "incidentRef", key, key.namespace) and is_ready(update) != exists:
                yield key_of("IncidentUpdate", update)


def waiting_incidents(key: ObjectKey, cache: Objects) -> Iterator[ObjectKey]:
    """The incidents that may go on because of a changed object: without a plan, at its end, or mute."""
    if key.kind not in ("IncidentClass", "EscalationPolicy", "Connection"):
        return
    for raw in cache.list("Incident"):
        status = raw.get("status") or {}
        channel = (status.get("resources") or {}).get("channel") or {}
        is_mute = bool(channel.get("reason")) and (channel.get("namespace"), channel["connection"]) == key[1:]
        is_lost = (status.get("escalation") or {}).get("state") == "Exhausted"
        if is_mute or is_lost if key.kind == "Connection" else not status.get("policy"):
            yield key_of("Incident", raw)


def default_classes(cache: Objects) -> Iterator[str]:
    """The names of the classes that are marked as the default, also of one that cannot be read."""
    for raw in cache.list("IncidentClass"):
        if is_default(raw["metadata"].get("annotations") or {}):
            yield raw["metadata"]["name"]


def _names(part: Any, field: str, key: ObjectKey, home: str) -> bool:
    """Whether a field of this name anywhere in a part of a spec names the object."""
    if isinstance(part, list):
        return any(_names(each, field, key, home) for each in part)
    if not isinstance(part, Mapping):
        return False
    ref = part.get(field)
    if isinstance(ref, Mapping) and (ref.get("namespace", home), ref.get("name")) == key[1:]:
        return True
    return any(_names(each, field, key, home) for each in part.values())


def is_ready(raw: Raw) -> bool:
    """Whether the object's condition Ready is True."""
    conditions = raw.get("status", {}).get("conditions", [])
    return any(each["type"] == READY and each["status"] == "True" for each in conditions)
